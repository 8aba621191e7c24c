"""Canaries for what ``colonnade._compat.sqlalchemy_asyncpg`` hooks into."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.util import LRUCache, await_only, greenlet_spawn

from colonnade._compat.sqlalchemy_asyncpg import (
    asyncpg_transport_of,
    bound_prepared_cache,
    send_many,
    terminate_of,
)


@pytest.fixture
async def connection(postgresql_url: str) -> AsyncIterator[AsyncConnection]:
    url = make_url(postgresql_url).set(drivername="postgresql+asyncpg")
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        yield connection
    await engine.dispose()


async def adapted_of(connection: AsyncConnection) -> Any:
    raw: Any = await connection.get_raw_connection()
    return raw.dbapi_connection


async def test_a_connection_keeps_its_prepared_statements_where_it_is_told(
    connection: AsyncConnection,
) -> None:
    adapted = await adapted_of(connection)
    made: list[LRUCache[str, Any]] = []

    def make(size: int) -> Any:
        made.append(LRUCache(size))
        return made[0]

    bound_prepared_cache(adapted, make)
    await connection.execute(text("SELECT 42"))
    assert made[0].capacity == 100
    assert "SELECT 42" in made[0]


async def test_many_rows_are_sent_by_what_can_be_awaited(connection: AsyncConnection) -> None:
    await connection.execute(text("CREATE TEMPORARY TABLE thing (id INTEGER)"))
    adapted = await adapted_of(connection)

    def send() -> Any:
        cursor = adapted.cursor()
        assert callable(terminate_of(cursor))
        await_only(send_many(cursor, "INSERT INTO thing VALUES ($1)", [(1,), (2,)]))

    await greenlet_spawn(send)
    assert await connection.scalar(text("SELECT sum(id) FROM thing")) == 3


async def test_a_connection_has_its_transport(connection: AsyncConnection) -> None:
    driver = (await adapted_of(connection)).driver_connection
    transport = asyncpg_transport_of(driver)
    assert not transport.is_closing()
    driver.terminate()
    assert transport.is_closing()
    await connection.invalidate()
