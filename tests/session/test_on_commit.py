# ruff: noqa: PT012  # what raises is a unit of work as a whole, which has more than one line
from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable

import pytest
from sqlalchemy import text
from sqlmodel import select
from tests.shop import Team

from colonnade.database import Database
from colonnade.engine import callbacks as callbacks_of
from colonnade.errors import SessionClosed, TransactionAborted, UniqueViolation


async def names(db: Database) -> list[str]:
    async with db.reader() as session:
        return sorted((await session.exec(select(Team.name))).all())


@pytest.fixture
def ran() -> list[str]:
    return []


async def test_callbacks_run_in_order_after_the_commit(db: Database, ran: list[str]) -> None:
    async def later() -> None:
        ran.append(f"async {await names(db)}")

    async with db.session() as session:
        session.add(Team(name="a"))
        session.on_commit(later)
        session.on_commit(lambda: ran.append("function"))
        assert not ran
    assert ran == ["async ['a']", "function"]


async def test_callbacks_run_with_the_connection_given_back(
    make: Callable[..., Database], ran: list[str]
) -> None:
    db = make(pool_size=1, max_overflow=0, pool_timeout=0.2)

    async def another_unit() -> None:
        assert db.pool().in_use == 0
        async with db.session() as session:
            session.add(Team(name="b"))
        ran.append("done")

    async with db.session() as session:
        session.add(Team(name="a"))
        session.on_commit(another_unit)
    assert ran == ["done"]
    assert await names(db) == ["a", "b"]


async def test_callbacks_never_run_after_a_rollback(db: Database, ran: list[str]) -> None:
    with pytest.raises(KeyError):
        async with db.session() as session:
            session.on_commit(lambda: ran.append("block"))
            raise KeyError
    async with db.session() as session:
        session.on_commit(lambda: ran.append("rollback"))
        await session.rollback()
    async with db.session() as session:
        session.on_commit(lambda: ran.append("reset"))
        await session.reset()
    async with db.session() as session:
        await session.connection()
        session.on_commit(lambda: ran.append("run_sync"))
        await session.run_sync(lambda sync: sync.rollback())
    assert not ran


@pytest.mark.parametrize("begin", ["savepoint", "begin_nested"])
async def test_a_savepoints_rollback_drops_what_was_registered_in_it(
    db: Database, ran: list[str], begin: str
) -> None:
    async with db.session() as session:
        session.on_commit(lambda: ran.append("before"))
        with pytest.raises(KeyError):
            async with getattr(session, begin)():
                session.on_commit(lambda: ran.append("undone"))
                async with getattr(session, begin)():
                    session.on_commit(lambda: ran.append("released and undone"))
                raise KeyError
        async with getattr(session, begin)():
            session.on_commit(lambda: ran.append("released"))
        session.on_commit(lambda: ran.append("after"))
    assert ran == ["before", "released", "after"]


async def test_a_savepoint_that_a_flush_undid_drops_its_callbacks(
    db: Database, ran: list[str]
) -> None:
    async with db.session() as session:
        session.add(Team(name="a"))
        with pytest.raises(TransactionAborted):
            async with session.savepoint():
                session.on_commit(lambda: ran.append("undone"))
                session.add(Team(name="a"))
                with pytest.raises(UniqueViolation):
                    await session.flush()
        session.on_commit(lambda: ran.append("after"))
    assert ran == ["after"]


async def test_an_explicit_commit_runs_what_was_registered_so_far(
    db: Database, ran: list[str]
) -> None:
    async with db.session() as session:
        session.on_commit(lambda: ran.append("first"))
        session.add(Team(name="a"))
        await session.commit()
        assert ran == ["first"]
        session.on_commit(lambda: ran.append("second"))
        session.add(Team(name="b"))
    assert ran == ["first", "second"]
    assert await names(db) == ["a", "b"]


async def test_an_explicit_commit_followed_by_a_failure_announces_the_commit_only(
    db: Database, ran: list[str]
) -> None:
    with pytest.raises(KeyError):
        async with db.session() as session:
            session.on_commit(lambda: ran.append("first"))
            await session.commit()
            session.on_commit(lambda: ran.append("second"))
            raise KeyError
    assert ran == ["first"]


async def test_a_failing_callback_is_logged_and_masks_nothing(
    db: Database, ran: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("the mail server is away")

    async def fail_later() -> None:
        fail()

    with caplog.at_level(logging.ERROR, "colonnade"):
        async with db.session() as session:
            session.add(Team(name="a"))
            session.on_commit(fail)
            session.on_commit(fail_later)
            session.on_commit(lambda: ran.append("others"))
    assert ran == ["others"]
    assert [record.message for record in caplog.records] == [
        f"the on_commit callback {__name__}.{function.__qualname__} failed; the commit stands"
        for function in (fail, fail_later)
    ]
    assert "the mail server is away" in caplog.text
    assert await names(db) == ["a"]


async def test_a_task_cancelled_in_a_callback_stays_cancelled_and_the_commit_stands(
    db: Database,
) -> None:
    begun = asyncio.Event()

    async def slow() -> None:
        begun.set()
        await asyncio.sleep(10)

    async def unit() -> None:
        async with db.session() as session:
            session.add(Team(name="a"))
            session.on_commit(slow)

    task = asyncio.create_task(unit())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await names(db) == ["a"]
    assert db.pool().in_use == 0


async def test_a_callback_registered_in_a_callback_is_refused_once_the_unit_ended(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async with db.session() as session:
        session.on_commit(lambda: session.on_commit(print))
    assert "session.on_commit() was called after the session's end" in caplog.text
    with pytest.raises(SessionClosed):
        session.on_commit(print)


async def test_a_reader_runs_no_callbacks(db: Database, ran: list[str]) -> None:
    async with db.reader() as session:
        session.on_commit(lambda: ran.append("never"))
        await session.execute(text("SELECT 1"))
    assert not ran


async def test_the_callbacks_of_a_refused_commit_never_run(
    postgresql_url: str, ran: list[str]
) -> None:
    async with Database(postgresql_url) as db:
        async with db.session() as session:
            await session.execute(text("CREATE TABLE a (id int PRIMARY KEY)"))
            await session.execute(
                text("CREATE TABLE b (id int REFERENCES a DEFERRABLE INITIALLY DEFERRED)")
            )
        async with db.session() as session:
            await session.execute(text("INSERT INTO b VALUES (1)"))
            session.on_commit(lambda: ran.append("refused"))
            with pytest.raises(Exception, match="refer to a row"):
                await session.commit()
            await session.rollback()
            session.on_commit(lambda: ran.append("second"))
            await session.execute(text("INSERT INTO a VALUES (1)"))
    assert ran == ["second"]


async def cancel_while(db: Database, *callbacks: Callable[[], object]) -> None:
    """Cancel a task in the first callback of its unit, which sets off when it begins."""

    async def unit() -> None:
        async with db.session() as session:
            session.add(Team(name="a"))
            for callback in (first, *callbacks):
                session.on_commit(callback)

    begun = asyncio.Event()

    async def first() -> None:
        begun.set()
        await asyncio.sleep(10)

    task = asyncio.create_task(unit())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert any("stays stored" in note for note in caught.value.__notes__)
    assert await names(db) == ["a"]


async def test_a_cancellation_in_a_callback_ends_that_one_only_which_is_logged_by_name(
    db: Database, ran: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    async def later() -> None:
        await asyncio.sleep(0.01)
        ran.append("later")

    await cancel_while(db, lambda: ran.append("function"), later)
    assert ran == ["function", "later"]
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert "cancel_while.<locals>.first was cancelled before it was done" in record.message


async def test_after_a_cancellation_callbacks_have_seconds_and_the_rest_is_logged_by_name(
    db: Database,
    ran: list[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(callbacks_of, "FINISHING_SECONDS", 0.05)

    async def endless() -> None:
        await asyncio.sleep(10)

    async def after() -> None:
        await asyncio.sleep(0.01)

    async with asyncio.timeout(2):
        await cancel_while(db, endless, after, lambda: ran.append("function"))
    assert ran == ["function"]
    named = " ".join(record.message for record in caplog.records)
    assert all(f"{name} " in named for name in ("first", "endless", "after"))


async def test_a_callback_that_awaits_what_is_cancelled_has_failed_and_cancels_nobody(
    db: Database, ran: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    async def wait_for_the_cancelled() -> None:
        task = asyncio.create_task(asyncio.sleep(10))
        task.cancel()
        await task

    async with db.session() as session:
        session.on_commit(wait_for_the_cancelled)
        session.on_commit(lambda: ran.append("others"))
    assert ran == ["others"]
    assert "wait_for_the_cancelled failed; the commit stands" in caplog.text


@pytest.mark.parametrize("leaving", [SystemExit, KeyboardInterrupt])
async def test_a_callback_that_exits_is_let_go_and_the_others_are_logged_by_name(
    db: Database,
    ran: list[str],
    caplog: pytest.LogCaptureFixture,
    leaving: type[BaseException],
) -> None:
    def leave() -> None:
        raise leaving

    def other() -> None:
        ran.append("other")

    with pytest.raises(leaving):
        async with db.session() as session:
            session.add(Team(name="a"))
            session.on_commit(leave)
            session.on_commit(other)
            session.on_commit(functools.partial(print, "other"))
    assert not ran
    messages = [record.message for record in caplog.records]
    assert len(messages) == 3
    for name, message in zip(("leave", "other", "builtins.print"), messages, strict=True):
        assert f"{name} did not run to its end" in message
    assert await names(db) == ["a"]
