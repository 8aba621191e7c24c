from __future__ import annotations

import asyncio
import gc
import sqlite3
import sys
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from colonnade import errors as e
from colonnade.database import Database
from colonnade.dialects import dialect_of
from colonnade.session.session import Session
from colonnade.settings.settings import Settings
from colonnade.settings.url import parse_url

ENDLESS = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1e9)"
    " SELECT max(i) FROM n"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.db"


@pytest.fixture
async def db(path: Path) -> AsyncIterator[Database]:
    async with Database(f"sqlite:///{path}") as database:
        await write(database, "CREATE TABLE n (i INTEGER)")
        yield database


async def write(
    database: Database, statement: str = "INSERT INTO n VALUES (1)", **unit: Any
) -> None:
    async with database.session(**unit) as session:
        await session.execute(text(statement))


async def ask(session: Session, statement: str) -> Any:
    return (await session.execute(text(statement))).scalar()


async def pragma(database: Database, name: str, **unit: Any) -> Any:
    async with database.session(**unit) as session:
        return await ask(session, f"PRAGMA {name}")


def exists(path: str) -> bool:
    return Path(path).exists()


async def threads_ended() -> None:
    """Wait until the threads of connections that could not be opened have told the loop so.

    Not for ever: another test's connection may have a thread that stays.
    """
    for thread in threading.enumerate():
        if "connection_worker" in thread.name:
            await asyncio.to_thread(thread.join, 0.5)


# What every connection is set to


async def test_foreign_keys_are_enforced(db: Database) -> None:
    assert await pragma(db, "foreign_keys") == 1
    async with db.reader() as reader:
        assert await ask(reader, "PRAGMA foreign_keys") == 1


async def test_the_journal_is_a_write_ahead_log_that_is_synced_in_full(db: Database) -> None:
    assert await pragma(db, "journal_mode") == "wal"
    assert await pragma(db, "synchronous") == 2


async def test_the_busy_time_out_is_the_lock_time_out(path: Path) -> None:
    async with Database(f"sqlite:///{path}", lock_timeout=1.5) as database:
        assert await pragma(database, "busy_timeout") == 1500
        assert await pragma(database, "busy_timeout", lock_timeout=0.25) == 250
        assert await pragma(database, "busy_timeout") == 1500


async def test_without_a_lock_time_out_sqlite_waits_as_long_as_it_can(path: Path) -> None:
    async with Database(f"sqlite:///{path}", lock_timeout=None) as database:
        assert await pragma(database, "busy_timeout") == 2_147_483_647


async def test_a_readers_connection_takes_queries_only(db: Database) -> None:
    async with db.reader() as reader:
        assert await ask(reader, "PRAGMA query_only") == 1
    assert await pragma(db, "query_only") == 0


async def test_a_reader_takes_no_lock_that_a_writer_would_wait_for(db: Database) -> None:
    async with db.reader() as reader:
        assert await ask(reader, "SELECT count(*) FROM n") == 0
        await write(db, lock_timeout=0.2)
        assert await ask(reader, "SELECT count(*) FROM n") == 1


async def test_a_reader_is_not_kept_waiting_by_a_writer(db: Database) -> None:
    async with db.session() as session:
        await session.execute(text("INSERT INTO n VALUES (1)"))
        async with db.reader() as reader:
            assert await ask(reader, "SELECT count(*) FROM n") == 0


async def test_a_snapshot_is_one_picture(db: Database) -> None:
    async with db.reader(snapshot=True) as reader:
        assert await ask(reader, "SELECT count(*) FROM n") == 0
        await write(db)
        assert await ask(reader, "SELECT count(*) FROM n") == 0
    async with db.reader() as reader:
        assert await ask(reader, "SELECT count(*) FROM n") == 1


async def test_a_unit_after_one_that_reads_only_can_write(path: Path) -> None:
    async with Database(f"sqlite:///{path}", pool_size=1, max_overflow=0) as database:
        await write(database, "CREATE TABLE n (i INTEGER)")
        with pytest.raises(e.ReadOnlyServer):
            await write(database, read_only=True)
        await write(database)
        assert await pragma(database, "query_only", read_only=True) == 1
        assert await pragma(database, "query_only") == 0


@pytest.mark.parametrize("level", ["read committed", "serializable"])
async def test_a_unit_may_ask_for_any_isolation_level_and_gets_the_strictest(
    db: Database, level: str
) -> None:
    await write(db, isolation=level)
    async with db.session() as session:
        assert await ask(session, "SELECT count(*) FROM n") == 1


async def test_variables_are_refused_with_what_to_do_instead(db: Database) -> None:
    with pytest.raises(e.InvalidSetting, match="PostgreSQL's row-level security") as caught:
        await write(db, variables={"app.tenant": "1"})
    assert caught.value.hint is not None
    assert "scope" in caught.value.hint


# The write lock


async def test_a_unit_takes_the_write_lock_when_it_begins(db: Database, path: Path) -> None:
    """It only reads, and yet another connection cannot begin to write: BEGIN IMMEDIATE."""
    other = sqlite3.connect(path, timeout=0, isolation_level=None)
    async with db.session() as session:
        await ask(session, "SELECT count(*) FROM n")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
    other.execute("BEGIN IMMEDIATE")
    other.close()


async def test_a_unit_that_reads_only_leaves_the_write_lock_alone(db: Database) -> None:
    async with db.session(read_only=True) as session:
        assert await ask(session, "SELECT count(*) FROM n") == 0
        await write(db, lock_timeout=0.2)
        assert await ask(session, "SELECT count(*) FROM n") == 0


async def test_units_get_the_write_lock_in_the_order_they_asked(db: Database) -> None:
    order: list[int] = []

    async def unit(number: int) -> None:
        async with db.session() as session:
            await session.connection()
            order.append(number)
            await asyncio.sleep(0.001)

    async with db.session() as session:
        connection = await (await session.connection()).get_raw_connection()
        lock = connection.driver_connection.write_lock
        waiting = []
        for number in range(8):
            waiting.append(asyncio.create_task(unit(number)))
            # Opening a connection takes its time; asking for the lock is what counts.
            async with asyncio.timeout(10):
                while lock.waiting <= number:  # noqa: ASYNC110  # nobody tells
                    await asyncio.sleep(0.001)
        assert order == []
    await asyncio.gather(*waiting)
    assert order == list(range(8))


async def test_no_update_of_concurrent_units_is_lost(db: Database) -> None:
    await write(db, "INSERT INTO n VALUES (0)")

    async def add() -> None:
        async with db.session() as session:
            known = await ask(session, "SELECT i FROM n")
            await session.execute(text(f"UPDATE n SET i = {known + 1}"))

    await asyncio.gather(*(add() for _ in range(50)))
    async with db.reader() as reader:
        assert await ask(reader, "SELECT i FROM n") == 50


async def test_a_unit_that_waits_too_long_for_another_of_its_process_is_a_lock_time_out(
    path: Path,
) -> None:
    async with Database(f"sqlite:///{path}", lock_timeout=0.2) as database:
        async with database.session() as session:
            await session.connection()
            begun = time.monotonic()
            with pytest.raises(e.LockTimeout, match="of this process holds") as caught:
                await asyncio.create_task(write(database, "SELECT 1"))
            assert 0.15 < time.monotonic() - begun < 0.6
        assert caught.value.hint is not None
        assert "db.reader()" in caught.value.hint
        await write(database, "SELECT 1")


async def test_a_units_own_lock_time_out_counts_in_the_queue_too(db: Database) -> None:
    async with db.session() as session:
        await session.connection()
        begun = time.monotonic()
        with pytest.raises(e.LockTimeout):
            await asyncio.create_task(write(db, lock_timeout=0.1))
        assert time.monotonic() - begun < 1


async def test_a_lock_that_another_connection_holds_is_a_lock_time_out(
    db: Database, path: Path
) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    begun = time.monotonic()
    with pytest.raises(e.LockTimeout):
        await write(db, lock_timeout=0.2)
    assert 0.15 < time.monotonic() - begun < 1
    other.close()
    await write(db, lock_timeout=0.2)


HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


async def test_a_lock_that_another_process_holds_is_a_lock_time_out(
    db: Database, path: Path
) -> None:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLD, str(path), stdin=pipe, stdout=pipe
    )
    assert process.stdout is not None
    await process.stdout.readline()
    with pytest.raises(e.LockTimeout):
        await write(db, lock_timeout=0.2)
    await process.communicate(b"")  # which ends it
    await write(db, lock_timeout=0.2)


async def test_a_cancelled_wait_for_the_lock_leaves_the_queue_in_order(db: Database) -> None:
    async with db.session() as session:
        await session.connection()
        waiting = asyncio.create_task(write(db))
        await asyncio.sleep(0.02)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    await write(db, lock_timeout=0.2)


async def test_a_cancelled_unit_gives_the_write_lock_back_at_once(db: Database, path: Path) -> None:
    async def work() -> None:
        async with db.session() as session:
            await session.execute(text("INSERT INTO n VALUES (2)"))
            await session.execute(text(ENDLESS))

    running = asyncio.create_task(work())
    await asyncio.sleep(0.2)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await write(db, lock_timeout=0.5)
    async with db.reader() as reader:
        assert await ask(reader, "SELECT sum(i) FROM n") == 1


# The time-out that SQLite lacks


async def test_a_statement_that_runs_too_long_is_interrupted(db: Database) -> None:
    begun = time.monotonic()
    with pytest.raises(e.StatementTimeout):
        await write(db, ENDLESS, statement_timeout=0.2)
    assert time.monotonic() - begun < 1
    await write(db)


async def test_a_readers_statement_that_runs_too_long_is_interrupted(path: Path) -> None:
    url = f"sqlite:///{path}"
    async with Database(url, statement_timeout=0.2) as database, database.reader() as reader:
        with pytest.raises(e.StatementTimeout):
            await reader.execute(text(ENDLESS))
        assert await ask(reader, "SELECT 1") == 1


# URLs


async def test_a_url_with_mode_ro_opens_a_file_that_cannot_be_written(
    db: Database, path: Path
) -> None:
    await write(db)
    async with Database(f"sqlite:///{path}?mode=ro") as database:
        async with database.reader() as reader:
            assert await ask(reader, "SELECT count(*) FROM n") == 1
        with pytest.raises(e.ReadOnlyServer):
            await write(database)


async def test_a_url_with_mode_ro_creates_no_file(tmp_path: Path) -> None:
    async with Database(f"sqlite:///{tmp_path / 'none.db'}?mode=ro") as database:
        health = await database.check()
    await threads_ended()
    assert (health.ok, health.error) == (False, "connection_failed")
    assert not exists(str(tmp_path / "none.db"))


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite:///a b.db?mode=rw", "file:a%20b.db"),
        ("sqlite:///file:shop.db?mode=ro", "file:shop.db"),
        ("sqlite:///shop.db", "shop.db"),
    ],
)
def test_a_path_with_parameters_becomes_a_uri(url: str, name: str) -> None:
    target = dialect_of(parse_url(url), Settings(), reading=False).sqlalchemy_url()
    assert target.database == name
    assert ("uri" in target.query) == ("?" in url)


async def test_a_database_in_memory_is_a_temporary_file_that_goes_with_it() -> None:
    database = Database("sqlite://")
    async with database:
        await write(database, "CREATE TABLE n (i INTEGER)")
        await write(database)
        async with database.reader() as reader:
            assert await ask(reader, "SELECT count(*) FROM n") == 1
            file = await ask(reader, "SELECT file FROM pragma_database_list")
    assert exists(file)
    del database, reader
    gc.collect()
    assert not exists(file)
    assert not exists(str(Path(file).parent))


async def test_two_databases_in_memory_are_two() -> None:
    async with Database("sqlite://") as first, Database("sqlite:///:memory:") as second:
        await write(first, "CREATE TABLE n (i INTEGER)")
        with pytest.raises(e.InvalidStatement):
            await write(second)


async def test_a_reader_of_its_own_url_does_not_read_from_memory(db: Database, path: Path) -> None:
    await write(db)
    url = f"sqlite:///{path}"
    async with Database("sqlite://", reader_url=url) as database, database.reader() as reader:
        assert await ask(reader, "SELECT count(*) FROM n") == 1


async def test_a_database_in_memory_outlives_its_event_loop() -> None:
    database = Database("sqlite://")

    async def once(statement: str) -> None:
        async with database:
            await write(database, statement)

    def elsewhere(statement: str) -> None:
        asyncio.run(once(statement))

    await asyncio.to_thread(elsewhere, "CREATE TABLE n (i INTEGER)")
    await asyncio.to_thread(elsewhere, "INSERT INTO n VALUES (1)")
    async with database.reader() as reader:
        assert await ask(reader, "SELECT count(*) FROM n") == 1
    await database.close()


async def test_a_killed_process_leaves_what_it_committed_and_nothing_else(path: Path) -> None:
    source = f"""
import asyncio, os, signal
from sqlalchemy import text
from colonnade.database import Database

async def main():
    database = Database({f"sqlite:///{path}"!r})
    async with database.session() as session:
        await session.execute(text("CREATE TABLE n (i INTEGER)"))
        await session.execute(text("INSERT INTO n VALUES (1)"))
    async with database.session() as session:
        await session.execute(text("INSERT INTO n VALUES (2)"))
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", source)
    assert await process.wait() == -9
    url = f"sqlite:///{path}"
    async with Database(url, lock_timeout=0.2) as database, database.session() as session:
        assert (await session.execute(text("SELECT i FROM n"))).scalars().all() == [1]


@pytest.mark.parametrize("turns", [0, 1, 2])
async def test_a_connection_that_is_stopped_while_it_closes_keeps_nobody_waiting(
    db: Database, turns: int
) -> None:
    async with db.engine.connect() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        closing = asyncio.create_task(driver.close())
        await asyncio.sleep(0)
        stopped = driver.stop()
        for _ in range(turns):
            await asyncio.sleep(0)
        closing.cancel()
        await asyncio.wait([closing], timeout=5)
        assert closing.done()
        await stopped
        await connection.invalidate()


async def test_sqlalchemy_still_notes_that_a_connection_is_beginning(db: Database) -> None:
    """A canary: what ``_reset_begin`` sets back is private to SQLAlchemy's connections."""
    async with db.engine.connect() as connection:
        noted = vars(connection.sync_connection)
        assert noted.get("_Connection__in_begin") is False, "_Connection__in_begin"
