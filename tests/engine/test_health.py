from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import FrozenInstanceError

import pytest

from colonnade.database import Database
from colonnade.engine.pool import Health, PoolStatus
from colonnade.testing import Proxy

REFUSED = ["postgresql://postgres:s3cret@127.0.0.1:1/shop", "mysql://root:s3cret@127.0.0.1:1/shop"]


async def test_a_database_that_answers_is_healthy(db: Database) -> None:
    health = await db.check()
    assert health
    assert health.ok
    assert (health.error, health.message) == (None, None)
    assert 0 < health.seconds < 2


@pytest.mark.parametrize("url", REFUSED)
async def test_a_refused_port_is_told_without_password_or_address(url: str) -> None:
    async with Database(url) as db:
        health = await db.check()
    assert not health
    assert health.error == "connection_failed"
    assert "cannot be reached" in str(health.message)
    assert "s3cret" not in repr(health)
    assert "127.0.0.1" not in repr(health)


async def test_a_frozen_server_is_told_in_bounded_time(proxy: Proxy, proxied: Database) -> None:
    assert await proxied.check()
    proxy.freeze()
    begun = time.monotonic()
    health = await proxied.check(timeout=0.2)
    assert time.monotonic() - begun < 1
    assert (health.ok, health.error, health.message) == (
        False,
        "timeout",
        "no answer within 0.2 s",
    )
    proxy.thaw()
    assert await proxied.check()
    async with asyncio.timeout(2):
        while (status := proxied.pool().readers) is None or status.in_use:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.01)


async def test_an_exhausted_pool_is_told_in_bounded_time(make: Callable[..., Database]) -> None:
    db = make(reader_pool_size=1, pool_timeout=0.1)
    async with db.reader() as session:
        await session.connection()
        health = await asyncio.create_task(db.check())
        assert health.error == "pool_timeout"
    db = make(reader_pool_size=1, pool_timeout=60)
    async with db.reader() as session:
        await session.connection()
        assert (await asyncio.create_task(db.check(timeout=0.1))).error == "timeout"
    assert await db.check()


async def test_the_units_do_not_keep_a_check_waiting(make: Callable[..., Database]) -> None:
    db = make(pool_size=1, max_overflow=0)
    async with db.session() as session:
        await session.connection()
        assert await db.check()


async def test_health_timeout_is_the_default_limit(make: Callable[..., Database]) -> None:
    db = make(reader_pool_size=1, health_timeout=0.05, pool_timeout=60)
    async with db.reader() as session:
        await session.connection()
        health = await asyncio.create_task(db.check())
    assert health.message == "no answer within 0.05 s"


def test_health_and_pool_status_are_frozen_values() -> None:
    for value in (Health(True, 0.1), PoolStatus(1, 0, 0, 0, 0.0)):
        with pytest.raises(FrozenInstanceError):
            value.error = "x"  # type: ignore[misc,union-attr]  # that is the point
    assert Health(True, 0.1) == Health(True, 0.1)
