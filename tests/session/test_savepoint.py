# ruff: noqa: PT012  # what raises is a unit of work as a whole, which has more than one line
from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext

import pytest
from sqlalchemy import text
from sqlmodel import select
from tests.shop import Team

from colonnade.database import Database
from colonnade.errors import (
    Deadlock,
    SessionClosed,
    SessionShared,
    TransactionAborted,
    UniqueViolation,
    UsageError,
)
from colonnade.session.session import Session
from colonnade.testing import count_statements


async def names(db: Database) -> list[str]:
    async with db.reader() as session:
        return sorted((await session.exec(select(Team.name))).all())


async def test_a_savepoint_that_ends_well_is_part_of_the_unit(db: Database) -> None:
    with count_statements(db, transactions=True) as statements:
        async with db.session() as session, session.savepoint():
            session.add(Team(name="inside"))
    assert [statement.split(" ")[0] for statement in statements.statements] == [
        "BEGIN",
        "SAVEPOINT",
        "INSERT",
        "RELEASE",
        "COMMIT",
    ]
    assert await names(db) == ["inside"]


async def test_any_exception_undoes_the_savepoint_and_comes_out_as_it_was(db: Database) -> None:
    async with db.session() as session:
        session.add(Team(name="before"))
        with pytest.raises(KeyError, match="mine"):
            async with session.savepoint():
                session.add(Team(name="inside"))
                await session.flush()
                raise KeyError("mine")
    assert await names(db) == ["before"]


async def test_the_units_rollback_undoes_its_savepoints(db: Database) -> None:
    with pytest.raises(KeyError):
        async with db.session() as session:
            async with session.savepoint():
                session.add(Team(name="inside"))
            raise KeyError
    assert await names(db) == []


async def test_savepoints_nest_and_each_undoes_its_own_part(db: Database) -> None:
    async with db.session() as session, session.savepoint():
        session.add(Team(name="outer"))
        for number in range(3):
            try:
                async with session.savepoint():
                    session.add(Team(name=f"inner {number}"))
                    await session.flush()
                    if number == 1:
                        raise KeyError
            except KeyError:
                pass
    assert await names(db) == ["inner 0", "inner 2", "outer"]


async def test_a_cancelled_savepoint_is_undone_and_the_unit_goes_on(db: Database) -> None:
    async with db.session() as session:
        session.add(Team(name="before"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(None) as limit, session.savepoint():
                session.add(Team(name="inside"))
                await session.flush()
                limit.reschedule(asyncio.get_running_loop().time())
                await asyncio.sleep(1)
        session.add(Team(name="after"))
    assert await names(db) == ["after", "before"]


@pytest.mark.parametrize("begin", ["savepoint", "begin_nested"])
async def test_no_savepoint_begins_after_the_session_ended(db: Database, begin: str) -> None:
    async with db.session() as session:
        pass
    with pytest.raises(SessionClosed, match=begin):
        async with getattr(session, begin)():
            pass


async def test_no_savepoint_begins_while_another_task_uses_the_session(db: Database) -> None:
    async with db.session() as session:
        await session.connection()
        task = asyncio.create_task(session.run_sync(lambda sync: sync.connection()))
        with session._gate.enter("flush"), pytest.raises(SessionShared):
            await task


async def test_a_rollback_inside_a_savepoint_undoes_the_whole_unit(db: Database) -> None:
    async with db.session() as session:
        session.add(Team(name="before"))
        async with session.savepoint():
            session.add(Team(name="inside"))
            await session.rollback()
        session.add(Team(name="after"))
    assert await names(db) == ["after"]


async def test_objects_keep_their_state_after_a_savepoint(
    db: Database, make: Callable[..., Database]
) -> None:
    async with db.session() as session:
        team = Team(name="before")
        session.add(team)
        async with session.savepoint():
            session.add(Team(name="inside"))
        assert team.name == "before"
        assert team.id is not None


class Part:
    """A task's savepoint, open from ``inside`` until ``leave``."""

    def __init__(self, session: Session, name: str, error: Exception | None = None) -> None:
        self.inside, self.leave = asyncio.Event(), asyncio.Event()
        self.task = asyncio.create_task(self._run(session, name, error))

    async def _run(self, session: Session, name: str, error: Exception | None) -> None:
        async with session.savepoint():
            session.add(Team(name=name))
            await session.flush()
            self.inside.set()
            await self.leave.wait()
            if error is not None:
                raise error


async def part(session: Session, name: str) -> None:
    """Store a team in a savepoint."""
    async with session.savepoint():
        session.add(Team(name=name))
        await session.flush()


@pytest.mark.parametrize("begin", ["savepoint", "begin_nested"])
async def test_a_task_is_refused_a_savepoint_while_another_has_one_open(
    db: Database, begin: str
) -> None:
    async with db.session() as session:
        first = Part(session, "first")
        await first.inside.wait()
        with pytest.raises(SessionShared, match="another task has a savepoint open"):
            async with getattr(session, begin)():
                pass
        first.leave.set()
        await first.task
        await part(session, "second")
    assert await names(db) == ["first", "second"]


CALLS_IN_ANOTHERS_SAVEPOINT: dict[str, Callable[[Session], object]] = {
    "add": lambda session: session.add(Team(name="other")),
    "on_commit": lambda session: session.on_commit(print),
    "execute": lambda session: session.execute(text("INSERT INTO team (name) VALUES ('other')")),
    "flush": lambda session: session.flush(),
    "commit": lambda session: session.commit(),
    "rollback": lambda session: session.rollback(),
    "run_sync": lambda session: session.run_sync(lambda sync: sync.commit()),
}


@pytest.mark.parametrize("call", CALLS_IN_ANOTHERS_SAVEPOINT)
async def test_what_a_savepoint_could_undo_is_refused_to_other_tasks(
    db: Database, call: str
) -> None:
    async with db.session() as session:
        failing = Part(session, "failing", KeyError())
        await failing.inside.wait()
        with pytest.raises(SessionShared, match="another task has a savepoint open"):
            outcome = CALLS_IN_ANOTHERS_SAVEPOINT[call](session)
            if isinstance(outcome, Awaitable):
                await outcome
        failing.leave.set()
        with pytest.raises(KeyError):
            await failing.task
        session.add(Team(name="after"))
    assert await names(db) == ["after"]


async def test_the_tasks_of_a_savepoints_own_block_work_in_it(db: Database) -> None:
    async with db.session() as session:
        async with session.savepoint():
            await asyncio.create_task(part(session, "child"))
            await asyncio.wait_for(part(session, "waited for"), 5)
        session.add(Team(name="after"))
    assert await names(db) == ["after", "child", "waited for"]


async def test_a_savepoint_of_a_task_that_has_ended_is_anybodys(db: Database) -> None:
    async with db.session() as session:
        savepoint = session.begin_nested()

        async def begin() -> None:
            await savepoint.__aenter__()

        await asyncio.create_task(begin())
        session.add(Team(name="a"))
        await savepoint.__aexit__(None, None, None)
    assert await names(db) == ["a"]


async def test_a_unit_that_ends_while_a_task_has_a_savepoint_open_stores_nothing(
    db: Database,
) -> None:
    with pytest.raises(SessionShared):
        async with db.session() as session:
            other = Part(session, "open")
            await other.inside.wait()
    other.leave.set()
    with pytest.raises(SessionClosed):
        await other.task
    assert await names(db) == []
    assert db.pool().in_use == 0


@pytest.mark.parametrize("error", [None, KeyError("mine")])
async def test_savepoints_that_end_in_the_wrong_order_are_told_and_nothing_is_undone_wrongly(
    db: Database, error: Exception | None
) -> None:
    kind = None if error is None else type(error)
    with pytest.raises(TransactionAborted) if error else nullcontext():
        async with db.session() as session:
            session.add(Team(name="before"))
            outer, inner = session.begin_nested(), session.begin_nested()
            await outer.__aenter__()
            session.add(Team(name="outer"))
            await inner.__aenter__()
            session.add(Team(name="inner"))
            with pytest.raises(UsageError, match="before one that began in it"):
                await outer.__aexit__(kind, error, None)
            await inner.__aexit__(None, None, None)
            await outer.__aexit__(None, None, None)
    # What should have been undone was not, so nothing of the unit may be stored.
    assert await names(db) == ([] if error else ["before", "inner", "outer"])


async def test_a_child_that_is_still_in_a_savepoint_keeps_its_parent_from_undoing_it(
    db: Database,
) -> None:
    with pytest.raises(SessionShared, match="another task has a savepoint open"):
        async with db.session() as session, session.savepoint():
            child = Part(session, "child")
            await child.inside.wait()
            raise KeyError
    child.leave.set()
    with pytest.raises(SessionClosed):
        await child.task
    assert await names(db) == []


@pytest.mark.parametrize("way", ["flush", "statement", "begin_nested", "nested twice"])
async def test_a_deadlock_in_a_savepoint_is_one_and_is_repeated(
    server_db: Database, way: str
) -> None:
    db = server_db
    async with db.session() as session:
        session.add_all([Team(id=1, name="a"), Team(id=2, name="b")])
    met, both = 0, asyncio.Event()

    async def unit(session: Session, first: int, second: int) -> None:
        nonlocal met
        other = await session.get_one(Team, second)
        await session.execute(text(f"UPDATE team SET name = 'x{first}' WHERE id = {first}"))
        met += 1
        if met >= 2:
            both.set()
        await both.wait()

        async def change() -> None:
            if way == "statement":
                statement = f"UPDATE team SET name = 'y{second} {met}' WHERE id = {second}"
                await session.execute(text(statement))
            else:
                other.name = f"y{second} {met}"
                await session.flush()

        if way == "begin_nested":
            async with session.begin_nested():
                await change()
        elif way == "nested twice":
            async with session.savepoint(), session.savepoint():
                await change()
        else:
            async with session.savepoint():
                await change()

    await asyncio.gather(
        db.run(lambda session: unit(session, 1, 2)), db.run(lambda session: unit(session, 2, 1))
    )
    assert met == 3


async def test_a_lock_timeout_that_ends_the_transaction_comes_out_of_its_savepoint(
    db: Database,
) -> None:
    """What took the savepoint away is told, and not that it is gone; here a rollback does."""
    if db.family == "mysql":
        ending = "BEGIN NOT ATOMIC ROLLBACK; SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213; END"
        kind: type[Exception] = Deadlock
    elif db.family == "sqlite":
        ending, kind = "INSERT OR ROLLBACK INTO team (name) VALUES ('taken')", UniqueViolation
    else:
        pytest.skip("PostgreSQL keeps its savepoints")
    async with db.session() as session:
        session.add(Team(name="taken"))
    with pytest.raises(kind):
        async with db.session() as session:
            session.add(Team(name="before"))
            async with session.savepoint():
                await session.execute(text(ending))
    assert await names(db) == ["taken"]
