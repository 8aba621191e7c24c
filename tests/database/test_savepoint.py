# ruff: noqa: PT012  # what raises is a unit of work as a whole, which has more than one line
from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from sqlmodel import select
from tests.database.shop import Team

from colonnade.database import Database
from colonnade.errors import SessionClosed, SessionShared
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
