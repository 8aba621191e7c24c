"""Sessions that nobody ends: what they held goes back, and somebody hears of it."""

from __future__ import annotations

import asyncio
import gc
import types
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import select
from tests.shop import Team

from colonnade.database import Database
from colonnade.session.session import Session
from colonnade.testing import Proxy


@pytest.fixture(autouse=True)
def _uncollected() -> Iterator[None]:
    """Nothing here may wait for the garbage collector."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def teams(db: Database) -> list[str]:
    async with db.session() as session:
        return sorted((await session.exec(select(Team.name))).all())


async def given_back(db: Database) -> None:
    for _ in range(1000):
        status = db.pool()
        if not status.in_use and (status.readers is None or not status.readers.in_use):
            return
        await asyncio.sleep(0.005)
    pytest.fail("the place was not given back")


async def entered_and_dropped(db: Database, kind: str) -> None:
    session = await getattr(db, kind)().__aenter__()
    assert (await session.exec(select(Team))).all() == []
    if kind == "session":
        session.add(Team(name="lost"))
        await session.flush()


@pytest.mark.parametrize("kind", ["session", "reader"])
async def test_a_dropped_session_gives_back_its_place_and_its_connection(
    make: Any, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    db: Database = make(pool_size=1, max_overflow=0, pool_timeout=1)
    with pytest.warns(ResourceWarning, match=rf"a {kind} was dropped .* in entered_and_dropped"):
        await entered_and_dropped(db, kind)
    await given_back(db)
    assert "test_abandoned.py" in caplog.text
    assert "use it as 'async with'" in caplog.text
    status = db.pool() if kind == "session" else db.pool().readers
    assert status is not None
    assert status.idle == 1
    assert await teams(db) == []


async def test_the_warning_points_at_the_line_that_opened_the_session(make: Any) -> None:
    db: Database = make()
    with pytest.warns(ResourceWarning) as caught:
        await entered_and_dropped(db, "session")
    (warning,) = [one for one in caught if "dropped" in str(one.message)]
    assert warning.filename == __file__
    line = entered_and_dropped.__code__.co_firstlineno + 1
    assert warning.lineno == line
    assert f"{__file__}:{line} " in str(warning.message)
    await given_back(db)


async def test_a_dropped_session_that_asked_nothing_gives_back_its_place(make: Any) -> None:
    db: Database = make(pool_size=1, max_overflow=0, pool_timeout=1)
    with pytest.warns(ResourceWarning):
        await db.session().__aenter__()
    await given_back(db)
    assert await teams(db) == []


async def test_a_dropped_session_releases_the_locks_of_what_it_wrote(make: Any) -> None:
    """SQLite's write lock too, which the next unit waits for."""
    db: Database = make(lock_timeout=2)
    async with db.session() as session:
        session.add(Team(id=1, name="a"))

    async def write() -> None:
        session = await db.session().__aenter__()
        (await session.get_one(Team, 1)).name = "lost"
        await session.flush()

    with pytest.warns(ResourceWarning):
        await write()
    async with db.session() as session:
        (await session.get_one(Team, 1)).name = "b"
    assert await teams(db) == ["b"]


async def test_the_task_that_dropped_a_session_may_write_at_once(make: Any) -> None:
    """It does not wait for itself: the lock of SQLite is on its way back."""
    db: Database = make()
    other = await db.engine.connect()
    session = await db.session().__aenter__()
    await session.exec(select(Team))
    with pytest.warns(ResourceWarning):
        del session
    # Over a connection that is there, so that nothing is awaited before BEGIN.
    await other.execute(text("SELECT 1"))
    await other.close()
    await given_back(db)


async def test_a_session_that_ended_says_nothing(
    make: Any, caplog: pytest.LogCaptureFixture
) -> None:
    db: Database = make()
    with pytest.raises(KeyError):
        async with db.session():
            raise KeyError
    assert await teams(db) == []
    async with db.reader() as reader:
        await reader.exec(select(Team))
    del reader
    session = await db.session().__aenter__()
    await session.close()
    del session
    assert "dropped" not in caplog.text


async def test_a_dropped_generator_ends_its_session(make: Any) -> None:
    """As a dependency that nobody runs to its end; the event loop closes such generators."""
    db: Database = make(pool_size=1, max_overflow=0, pool_timeout=1)

    async def dependency() -> AsyncIterator[Session]:
        async with db.session() as session:
            yield session

    session = await anext(dependency())
    session.add(Team(name="lost"))
    await session.flush()
    await given_back(db)
    assert session.closed
    assert await teams(db) == []


@types.coroutine
def suspended() -> Any:
    """Wait for nothing that will ever come."""
    yield


async def test_a_coroutine_that_is_destroyed_gives_back_what_its_session_held(make: Any) -> None:
    db: Database = make(pool_size=1, max_overflow=0, pool_timeout=1, lock_timeout=2)

    async def work() -> None:
        async with db.session() as session:
            session.add(Team(name="lost"))
            await session.flush()
            began.set()
            await suspended()

    began = asyncio.Event()
    await driven_until(work(), began)
    await given_back(db)
    assert await teams(db) == []


def test_a_coroutine_that_outlives_its_loop_leaves_no_connection_behind(
    database_url: str,
) -> None:
    db = Database(database_url)

    async def work() -> None:
        async with db.session() as session:
            await session.execute(text("SELECT 1"))
            began.set()
            await suspended()

    loop = asyncio.new_event_loop()
    began = asyncio.Event()
    coroutine = work()
    loop.run_until_complete(suspend_at(coroutine, began))
    driver = next(iter(db._loops[loop].primary._open))
    loop.close()
    with pytest.warns(ResourceWarning, match="a session was dropped"):
        coroutine.close()
    assert not open_still(driver)


def open_still(driver: Any) -> bool:
    if hasattr(driver, "is_closed"):
        return not driver.is_closed()  # asyncpg
    if hasattr(driver, "_thread"):
        driver._thread.join(5)
        return driver._connection is not None  # aiosqlite
    return driver._writer is not None  # aiomysql


async def driven_until(coroutine: Coroutine[Any, Any, None], began: asyncio.Event) -> None:
    """Await the coroutine by hand, as a task would, and destroy it."""
    await suspend_at(coroutine, began)
    # Its session's end is awaited, which a coroutine that is being closed may not do.
    with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
        coroutine.close()


async def suspend_at(coroutine: Coroutine[Any, Any, None], began: asyncio.Event) -> None:
    """Run the coroutine as far as it goes by itself, and leave it there."""

    class By:
        def __await__(self) -> Any:
            iterator = coroutine.__await__()
            while not began.is_set():
                yield iterator.send(None)

    async with asyncio.timeout(5):
        await asyncio.create_task(_awaited(By()))


async def _awaited(awaitable: Any) -> None:
    await awaitable


async def test_a_session_that_another_thread_drops_goes_back_in_its_own_loop(make: Any) -> None:
    db: Database = make(pool_size=1, max_overflow=0, pool_timeout=1)
    session = await db.session().__aenter__()
    session.add(Team(name="lost"))
    await session.flush()
    held = [session]
    del session
    with pytest.warns(ResourceWarning):
        await asyncio.to_thread(held.clear)
    await given_back(db)
    assert await teams(db) == []


async def test_a_session_in_a_circle_of_references_goes_back_when_that_is_collected(
    make: Any,
) -> None:
    db: Database = make(pool_size=1, max_overflow=0, pool_timeout=1)
    circle: list[Any] = [await db.session().__aenter__()]
    await circle[0].exec(select(Team))
    circle.append(circle)
    del circle
    assert db.pool().in_use == 1
    with pytest.warns(ResourceWarning):
        gc.collect()
    await given_back(db)
    assert await teams(db) == []


async def test_what_cannot_be_rolled_back_is_broken_instead(
    proxied: Database, proxy: Proxy
) -> None:
    session = await proxied.session().__aenter__()
    await session.exec(select(Team))
    proxy.cut()
    with pytest.warns(ResourceWarning):
        del session
    await given_back(proxied)
    assert await teams(proxied) == []


def test_a_session_that_outlives_its_loop_closes_its_connection(server_url: str) -> None:
    db = Database(server_url)
    held: list[Session] = []

    async def use() -> int:
        session = await db.session().__aenter__()
        held.append(session)
        return await backend(session)

    async def backends() -> set[int]:
        async with db.session() as session:
            listing = (
                "SELECT pid FROM pg_stat_activity"
                if db.family == "postgresql"
                else "SELECT id FROM information_schema.processlist"
            )
            return set((await session.execute(text(listing))).scalars())

    number = asyncio.run(use())
    with pytest.warns(ResourceWarning):
        held.clear()

    for _ in range(500):
        if number not in asyncio.run(backends()):
            return
    pytest.fail("the server still has the connection")


async def backend(session: Session) -> int:
    name = "pg_backend_pid" if session.family == "postgresql" else "connection_id"
    number: int = (await session.execute(text(f"SELECT {name}()"))).scalar_one()
    return number
