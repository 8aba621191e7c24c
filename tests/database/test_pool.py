from __future__ import annotations

import asyncio
from collections.abc import Callable

from sqlalchemy import text

from colonnade.database import Database, PoolStatus


async def test_an_unused_database_has_all_places_free_and_no_connection(
    make: Callable[..., Database],
) -> None:
    db = make(pool_size=2, max_overflow=3)
    assert db.pool() == PoolStatus(capacity=5, in_use=0, waiting=0, idle=0, longest=0.0)


async def test_the_figures_follow_the_units(make: Callable[..., Database]) -> None:
    db = make(pool_size=1, max_overflow=0)
    release = asyncio.Event()

    async def unit() -> None:
        async with db.session() as session:
            await session.execute(text("SELECT 1"))
            await release.wait()

    tasks = [asyncio.create_task(unit()) for _ in range(3)]
    await asyncio.sleep(0.15)
    status = db.pool()
    assert (status.in_use, status.waiting, status.idle) == (1, 2, 0)
    assert 0.05 < status.longest < 5
    release.set()
    await asyncio.gather(*tasks)
    status = db.pool()
    assert (status.in_use, status.waiting, status.idle, status.longest) == (0, 0, 1, 0.0)


async def test_readers_are_counted_apart(make: Callable[..., Database]) -> None:
    db = make(pool_size=2, max_overflow=1, reader_pool_size=4)
    assert db.pool().readers is None
    async with db.reader() as session:
        await session.execute(text("SELECT 1"))
        status = db.pool()
        assert status.in_use == 0
        assert status.readers is not None
        assert (status.readers.capacity, status.readers.in_use) == (4, 1)
    status = db.pool()
    assert status.readers is not None
    assert (status.readers.in_use, status.readers.idle) == (0, 1)


async def test_readers_have_as_many_places_as_units_unless_told(
    make: Callable[..., Database],
) -> None:
    db = make(pool_size=2, max_overflow=1)
    async with db.reader():
        status = db.pool().readers
    assert status is not None
    assert status.capacity == 3


async def test_connections_stay_within_the_places(make: Callable[..., Database]) -> None:
    db = make(pool_size=2, max_overflow=1)
    most = 0

    async def reader() -> None:
        nonlocal most
        async with db.reader() as session:
            connection = await session.connection()
            most = max(most, connection.sync_engine.pool.checkedout())  # type: ignore[attr-defined]  # a queue pool has it
            await asyncio.sleep(0.001)

    for _ in range(5):
        await asyncio.gather(*(reader() for _ in range(10)))
    assert most == 3
    status = db.pool().readers
    assert status is not None
    assert status.idle == 2
