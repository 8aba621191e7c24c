from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from tests.shop import Base

from colonnade.database import Database
from colonnade.engine.pool import PoolStatus


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
        await session.connection()
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


# Event loops that end

LOOPS = """
import asyncio, gc, logging, sys, threading, warnings

logging.basicConfig(level=logging.WARNING)
gc.disable()
from sqlalchemy import text
from colonnade import Database

LISTED = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    "mysql": "SELECT count(*) FROM information_schema.processlist"
    " WHERE db = database() AND id <> connection_id()",
}
url, way = sys.argv[1:]
db = Database(url)
held = []


async def unit():
    async with db.session() as session:
        await session.execute(text("SELECT 1"))
        await asyncio.sleep(0.01)


async def use():
    async with db.reader() as reader:
        await reader.execute(text("SELECT 1"))
    await asyncio.gather(*(unit() for _ in range(3)))


async def left():
    async with db.session() as session:
        for _ in range(500):
            found = (await session.execute(text(LISTED[db.family]))).scalar()
            if not found:
                break
            await session.rollback()
            await asyncio.sleep(0.01)
    return found


def run(coroutine):
    if way == "run":
        return asyncio.run(coroutine)
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(coroutine)
    finally:
        loop.close()


for _ in range(3):
    run(use())
if db.family in LISTED:
    assert run(left()) == 0, "the server still has connections"
if way == "run" and db.family == "sqlite":
    for thread in threading.enumerate():
        if "connection_worker" in thread.name:
            thread.join(10)  # it was told to end, which takes it a moment on a busy machine
            assert not thread.is_alive(), thread
del db
"""


@pytest.mark.parametrize("way", ["run", "close"])
def test_a_loop_that_ends_takes_its_connections_along(database_url: str, way: str) -> None:
    """Without the collector, a warning, or a word in the log; ``close`` skips asyncio's tidying."""
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", LOOPS, database_url, way]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    noise = [
        line
        for line in done.stderr.splitlines()
        # What asyncio's debug mode says of a busy machine.
        if line and not line.startswith(("WARNING:asyncio:Executing", "DEBUG:"))
    ]
    assert (done.returncode, noise) == (0, [])


async def test_a_database_that_is_dropped_closes_its_idle_connections(make: Any) -> None:
    db: Database = make()
    async with db.session() as session:
        await session.execute(text("SELECT 1"))
    other = Database(db._address.url, metadata=Base.metadata)
    async with other.session() as session:
        await session.execute(text("SELECT 1"))
    opened = other._current_pools().primary._open
    assert len(opened) == 1
    del other, session
    for _ in range(1000):
        if not opened:
            break
        await asyncio.sleep(0.005)
    assert not opened


async def test_a_session_goes_on_when_its_database_is_dropped(database_url: str) -> None:
    db = Database(database_url)
    async with db.session() as session:
        await session.execute(text("SELECT 1"))
        del db
        for _ in range(20):
            await asyncio.sleep(0.005)
        assert (await session.execute(text("SELECT 2"))).scalar_one() == 2
