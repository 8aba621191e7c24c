"""SQLite's write lock among the units of one process: who waits, who is told, when it is free."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.database import Database
from colonnade.errors import ColonnadeError, LockTimeout, PoolDeadlock, PoolTimeout
from colonnade.settings.unit import Unit


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.db"


@pytest.fixture
async def db(path: Path) -> AsyncIterator[Database]:
    async with Database(f"sqlite:///{path}", lock_timeout=30) as database:
        await write(database, "CREATE TABLE n (i INTEGER)")
        yield database


async def write(
    database: Database, statement: str = "INSERT INTO n VALUES (1)", **unit: Any
) -> None:
    async with database.session(**unit) as session:
        await session.execute(text(statement))


async def count(database: Database) -> int:
    async with database.reader() as reader:
        number: int = (await reader.execute(text("SELECT count(*) FROM n"))).scalar_one()
        return number


# A task that waits for itself is told at once


async def by_session(database: Database) -> None:
    await write(database)


async def by_engine(database: Database) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(text("INSERT INTO n VALUES (1)"))


async def by_connection(database: Database) -> None:
    async with database.engine.connect() as connection:
        await connection.execute(text("INSERT INTO n VALUES (1)"))
        await connection.commit()


async def by_run(database: Database) -> None:
    await database.run(lambda session: session.execute(text("INSERT INTO n VALUES (1)")))


WAYS = [by_session, by_engine, by_connection, by_run]


@pytest.mark.parametrize("inner", WAYS)
async def test_a_unit_within_a_unit_that_writes_is_told_at_once(
    db: Database, inner: Callable[[Database], Awaitable[None]]
) -> None:
    async with db.session() as session:
        await session.execute(text("INSERT INTO n VALUES (1)"))
        begun = time.monotonic()
        with pytest.raises(PoolDeadlock, match="held by this task itself") as caught:
            await inner(db)
        assert time.monotonic() - begun < 5
        await session.execute(text("INSERT INTO n VALUES (2)"))
    assert "pass its session on" in str(caught.value.hint)
    assert await count(db) == 2
    await inner(db)
    assert await count(db) == 3


async def test_a_unit_within_a_connections_transaction_is_told_at_once(db: Database) -> None:
    async with db.engine.begin() as connection:
        await connection.execute(text("INSERT INTO n VALUES (1)"))
        with pytest.raises(PoolDeadlock):
            await write(db)
    assert await count(db) == 1


async def test_a_unit_within_a_unit_may_read(db: Database) -> None:
    async with db.session() as session:
        await session.execute(text("INSERT INTO n VALUES (1)"))
        assert await count(db) == 0
        async with db.session(read_only=True) as inner:
            assert (await inner.execute(text("SELECT count(*) FROM n"))).scalar() == 0


async def test_a_unit_within_one_that_has_asked_nothing_yet_may_write(db: Database) -> None:
    async with db.session() as outer:
        await write(db)
        assert (await outer.execute(text("SELECT count(*) FROM n"))).scalar() == 1


async def test_a_task_that_waits_for_its_parents_lock_is_told_so_when_its_time_is_up(
    db: Database,
) -> None:
    async with db.session() as session:
        await session.execute(text("INSERT INTO n VALUES (1)"))
        with pytest.raises(LockTimeout) as caught:
            await asyncio.create_task(write(db, lock_timeout=0.1))
    assert "this task holds it already" in str(caught.value.hint)


async def test_who_waits_for_somebody_else_is_not_told_that_it_waits_for_itself(
    db: Database,
) -> None:
    held, done = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with db.session() as session:
            await session.execute(text("INSERT INTO n VALUES (1)"))
            held.set()
            await done.wait()

    holder = asyncio.create_task(hold())
    await held.wait()
    with pytest.raises(LockTimeout) as caught:
        await write(db, lock_timeout=0.1)
    assert "this task" not in str(caught.value.hint)
    done.set()
    await holder


async def test_in_development_the_place_where_the_lock_was_taken_is_told(path: Path) -> None:
    database = Database(f"sqlite:///{path}", debug=True)
    async with database, database.session() as session:
        await session.execute(text("CREATE TABLE n (i INTEGER)"))
        with pytest.raises(PoolDeadlock) as caught:
            await write(database)
    assert "test_write_lock.py" in str(caught.value.hint)


# Circles of tasks


async def both(*units: Callable[[], Awaitable[None]]) -> list[str | None]:
    running = asyncio.gather(*(unit() for unit in units), return_exceptions=True)
    outcomes = await asyncio.wait_for(running, 5)
    assert all(one is None or isinstance(one, ColonnadeError) for one in outcomes), outcomes
    return sorted("" if one is None else type(one).__name__ for one in outcomes)


async def test_a_circle_through_the_pool_is_told_at_once(path: Path) -> None:
    options: dict[str, Any] = {"pool_size": 2, "max_overflow": 0, "pool_timeout": 60}
    async with Database(f"sqlite:///{path}", lock_timeout=60, **options) as database:
        await write(database, "CREATE TABLE n (i INTEGER)")
        ready = asyncio.Barrier(2)

        async def writer() -> None:
            async with database.session() as session:
                await session.execute(text("INSERT INTO n VALUES (1)"))
                await ready.wait()
                await write(database)

        async def waiter() -> None:
            async with database.session() as session:
                await ready.wait()
                await session.execute(text("INSERT INTO n VALUES (2)"))

        assert "PoolDeadlock" in await both(writer, waiter)
        await write(database)


async def test_two_files_locked_in_opposite_order_are_told_at_once(tmp_path: Path) -> None:
    first = Database(f"sqlite:///{tmp_path / 'first.db'}", lock_timeout=60)
    second = Database(f"sqlite:///{tmp_path / 'second.db'}", lock_timeout=60)
    async with first, second:
        for database in (first, second):
            await write(database, "CREATE TABLE n (i INTEGER)")
        ready = asyncio.Barrier(2)

        async def in_order(outer: Database, inner: Database) -> None:
            async with outer.session() as session:
                await session.execute(text("INSERT INTO n VALUES (1)"))
                await ready.wait()
                await write(inner)

        found = await both(lambda: in_order(first, second), lambda: in_order(second, first))
        assert found == ["", "PoolDeadlock"]


# The lock is free where the transaction ends


async def commit(connection: AsyncConnection) -> None:
    await connection.commit()


async def roll_back(connection: AsyncConnection) -> None:
    await connection.rollback()


async def commit_as_text(connection: AsyncConnection) -> None:
    await connection.execute(text("COMMIT"))


async def roll_back_as_text(connection: AsyncConnection) -> None:
    await connection.exec_driver_sql("ROLLBACK")


async def roll_back_by_conflict(connection: AsyncConnection) -> None:
    """SQLite rolls the whole transaction back by itself."""
    await connection.execute(text("CREATE TABLE once (i INTEGER PRIMARY KEY)"))
    await connection.execute(text("INSERT INTO once VALUES (1)"))
    with pytest.raises((ColonnadeError, DBAPIError)):
        await connection.execute(text("INSERT OR ROLLBACK INTO once VALUES (1)"))


async def invalidate(connection: AsyncConnection) -> None:
    await connection.invalidate()


async def close(connection: AsyncConnection) -> None:
    await connection.close()


async def kill(connection: AsyncConnection) -> None:
    """The driver's connection goes, and the next statement finds out."""
    driver: Any = (await connection.get_raw_connection()).driver_connection
    await driver.close()
    with pytest.raises((ColonnadeError, DBAPIError, ValueError)):
        await connection.execute(text("SELECT 1"))
    await connection.close()


async def detach_and_close(connection: AsyncConnection) -> None:
    await connection.run_sync(_detach)
    await connection.close()


def _detach(connection: Connection) -> None:
    connection.detach()


ENDINGS = [
    commit,
    roll_back,
    commit_as_text,
    roll_back_as_text,
    roll_back_by_conflict,
    invalidate,
    close,
    kill,
    detach_and_close,
]


@pytest.mark.parametrize("end", ENDINGS)
async def test_the_lock_is_free_where_the_transaction_ends(
    db: Database, end: Callable[[AsyncConnection], Awaitable[None]]
) -> None:
    connection = await db.engine.connect()
    await connection.execute(text("INSERT INTO n VALUES (1)"))
    with pytest.raises(PoolDeadlock):
        await write(db)
    await end(connection)
    await write(db, lock_timeout=1)
    await connection.close()
    await write(db, lock_timeout=1)


async def test_transactions_follow_each_other_on_one_connection(db: Database) -> None:
    async with db.engine.connect() as connection:
        for number in range(3):
            async with connection.begin():
                await connection.execute(text(f"INSERT INTO n VALUES ({number})"))
            await write(db, lock_timeout=1)
            async with connection.begin() as undone:
                await connection.execute(text("INSERT INTO n VALUES (9)"))
                await undone.rollback()
            await write(db, lock_timeout=1)
    assert await count(db) == 9


async def test_two_connections_take_turns_at_transactions(db: Database) -> None:
    async with db.engine.connect() as first, db.engine.connect() as second:
        for connection in (first, second, first, second):
            await connection.execute(text("INSERT INTO n VALUES (1)"))
            await connection.commit()
    assert await count(db) == 4


async def test_a_session_gives_the_lock_back_at_each_commit_and_rollback(db: Database) -> None:
    async with db.session() as session:
        for end in (session.commit, session.rollback, session.commit):
            await session.execute(text("INSERT INTO n VALUES (1)"))
            await end()
            await write(db, lock_timeout=1)
    assert await count(db) == 5


async def test_a_savepoint_keeps_the_lock(db: Database) -> None:
    async with db.session() as session:
        async with session.savepoint():
            await session.execute(text("INSERT INTO n VALUES (1)"))
        with pytest.raises(PoolDeadlock):
            await write(db)


async def test_a_begin_that_fails_gives_the_lock_back(db: Database, path: Path) -> None:
    foreign = sqlite3.connect(path, isolation_level=None)
    foreign.execute("BEGIN IMMEDIATE")
    async with db.engine.connect() as connection:
        connection = await connection.execution_options(colonnade_unit=_impatient())
        with pytest.raises(LockTimeout):
            await connection.begin()
        foreign.execute("ROLLBACK")
        foreign.close()
        await write(db, lock_timeout=1)


async def test_after_a_begin_that_failed_a_connection_still_runs_in_transactions(
    db: Database,
) -> None:
    """And not each statement by itself, which a rollback would not undo."""
    async with db.engine.connect() as connection:
        async with db.session() as session:
            await session.execute(text("INSERT INTO n VALUES (1)"))
            with pytest.raises(PoolDeadlock):
                await connection.begin()
        await connection.execute(text("INSERT INTO n VALUES (2)"))
        await connection.rollback()
    assert await count(db) == 1


def _impatient() -> Unit:
    return Unit(lock_timeout=0.05)


async def test_a_wait_that_is_cancelled_leaves_nothing_behind(db: Database) -> None:
    async with db.engine.connect() as connection:
        async with db.session() as session:
            await session.execute(text("INSERT INTO n VALUES (1)"))
            waiting = asyncio.create_task(_insert(connection))
            await asyncio.sleep(0.05)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        await write(db, lock_timeout=1)
    await write(db, lock_timeout=1)
    assert await count(db) == 3


async def _insert(connection: AsyncConnection) -> None:
    await connection.execute(text("INSERT INTO n VALUES (7)"))


async def test_a_commit_that_is_cancelled_leaves_nothing_locked(db: Database) -> None:
    for delay in range(12):
        task = asyncio.create_task(by_engine(db))
        for _ in range(delay):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        await write(db, lock_timeout=2)


async def test_a_task_cancelled_twice_goes_on_to_its_next_unit(db: Database) -> None:
    """The first unit's end is a task of its own, which may still hold the lock."""

    async def work() -> None:
        try:
            async with db.session() as session:
                await session.execute(text("INSERT INTO n VALUES (1)"))
                started.set()
                await asyncio.sleep(60)
        except asyncio.CancelledError:
            await write(db)

    for turns in range(8):
        started = asyncio.Event()
        task = asyncio.create_task(work())
        await started.wait()
        task.cancel()
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        # Cancelled in its second unit, or through with it; never told that it waits for itself.
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled() or task.exception() is None
    await write(db, lock_timeout=2)


async def test_units_of_many_tasks_and_of_connections_lose_nothing(db: Database) -> None:
    async def by_turns(number: int) -> None:
        for _ in range(5):
            await WAYS[number % len(WAYS)](db)

    await asyncio.gather(*(by_turns(number) for number in range(8)))
    assert await count(db) == 40


async def test_a_task_that_holds_the_last_connection_and_the_lock_is_told_of_the_pool(
    path: Path,
) -> None:
    database = Database(f"sqlite:///{path}", pool_size=1, max_overflow=0)
    async with database, database.session() as session:
        await session.execute(text("CREATE TABLE n (i INTEGER)"))
        with pytest.raises(PoolTimeout, match="connections"):
            await write(database)
