"""Canaries for what ``colonnade._compat.mysql_drivers`` hooks into."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from colonnade._compat.mysql_drivers import (
    asked_for_tls,
    is_connected,
    mark_closed,
    mend_bytes,
    mysql_transport_of,
)


@pytest.fixture(params=["aiomysql", "asyncmy"])
async def connection(
    mariadb_url: str, request: pytest.FixtureRequest
) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(make_url(mariadb_url).set(drivername=f"mysql+{request.param}"))
    async with engine.connect() as connection:
        yield connection
    await engine.dispose()


async def test_a_connection_has_its_transport_and_knows_when_it_is_closed(
    connection: AsyncConnection,
) -> None:
    raw: Any = await connection.get_raw_connection()
    driver = raw.driver_connection
    assert is_connected(driver)
    assert not asked_for_tls(driver)
    transport = mysql_transport_of(driver)
    assert not transport.is_closing()
    driver.close()
    transport.abort()
    mark_closed(driver)
    assert not is_connected(driver)
    await connection.invalidate()


async def test_bytes_can_be_written(connection: AsyncConnection) -> None:
    raw: Any = await connection.get_raw_connection()
    mend_bytes(raw.driver_connection)
    found = await connection.scalar(text("SELECT :value"), {"value": b"\x00'\xff"})
    assert found == b"\x00'\xff"
