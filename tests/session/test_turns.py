"""Sessions that share a connection take turns side by side; one inside of another goes on."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from sqlmodel import select
from tests.shop import Team

from colonnade.database import Database
from colonnade.engine.admission import Lease
from colonnade.errors import PoolTimeout, SessionShared, StatementCancelled
from colonnade.session.turns import Turn, Turns
from colonnade.testing import rolled_back


async def add(db: Database, name: str, *, fail: bool = False) -> None:
    async with db.session() as session:
        session.add(Team(name=name))
        await session.flush()
        await asyncio.sleep(0.005)
        if fail:
            raise KeyError(name)


async def names(db: Database) -> list[str]:
    async with db.reader() as reader:
        return sorted((await reader.exec(select(Team.name))).all())


@pytest.mark.parametrize("inside", [False, True])
async def test_units_side_by_side_take_turns(db: Database, inside: bool) -> None:
    async with rolled_back(db):
        if inside:
            async with db.session() as session:
                session.add(Team(name="outer"))
                await session.flush()
                await asyncio.gather(*(add(db, str(number)) for number in range(4)))
        else:
            await asyncio.gather(*(add(db, str(number)) for number in range(4)))
        assert await names(db) == ["0", "1", "2", "3", *(["outer"] if inside else [])]
    assert await names(db) == []


async def test_a_unit_that_fails_undoes_nothing_of_those_beside_it(db: Database) -> None:
    async with rolled_back(db):
        ended = await asyncio.gather(
            *(add(db, str(number), fail=number % 2 == 0) for number in range(4)),
            return_exceptions=True,
        )
        assert [type(one) for one in ended] == [KeyError, type(None)] * 2
        assert await names(db) == ["1", "3"]


async def test_readers_side_by_side_take_turns(db: Database) -> None:
    async with rolled_back(db):
        await add(db, "a")
        assert await asyncio.gather(*(names(db) for _ in range(5))) == [["a"]] * 5


async def test_a_unit_that_has_committed_keeps_nobody_waiting(db: Database) -> None:
    async with rolled_back(db):
        begun, goes_on = asyncio.Event(), asyncio.Event()

        async def worker() -> None:
            async with db.session() as session:
                session.add(Team(name="a"))
                await session.commit()
                begun.set()
                await goes_on.wait()
                session.add(Team(name="c"))

        task = asyncio.create_task(worker())
        await begun.wait()
        await add(db, "b")
        goes_on.set()
        await task
        assert await names(db) == ["a", "b", "c"]


async def test_a_unit_begins_inside_of_one_whose_task_has_ended(db: Database) -> None:
    """As that of a fixture may have."""

    async def open_one() -> Any:
        session = await unit.__aenter__()
        session.add(Team(name="a"))
        await session.flush()

    async with rolled_back(db):
        unit = db.session()
        await asyncio.create_task(open_one())
        await add(db, "b")
        await unit.__aexit__(None, None, None)
        assert await names(db) == ["a", "b"]


async def test_who_waits_too_long_for_its_turn_is_told(make: Any) -> None:
    db: Database = make(pool_timeout=0.05, debug=True)
    async with rolled_back(db):
        begun, end = asyncio.Event(), asyncio.Event()

        async def other() -> None:
            async with db.session() as session:
                await session.connection()
                begun.set()
                await end.wait()

        task = asyncio.create_task(other())
        await begun.wait()
        with pytest.raises(PoolTimeout, match=re.escape("more than 0.05 s")) as caught:
            await add(db, "a")
        assert "inside of its block" in str(caught.value.hint)
        end.set()
        await task
        await add(db, "a")
        assert await names(db) == ["a"]


async def take(turns: Turns) -> Lease:
    turn = Turn(turns)
    return turn.enter_now() or await turn.enter()


async def hold(turns: Turns, until: asyncio.Event) -> None:
    lease = await take(turns)
    await until.wait()
    lease.release()
    lease.release()


@pytest.mark.parametrize("moment", ["waiting", "served"])
async def test_a_wait_that_is_cancelled_hands_the_turn_on(moment: str) -> None:
    connection: Any = None  # which nothing here asks for
    turns, end = Turns(connection, 5, debug=False), asyncio.Event()
    holder = asyncio.create_task(hold(turns, end))
    await asyncio.sleep(0)
    first, second = (asyncio.create_task(take(turns)) for _ in range(2))
    await asyncio.sleep(0)
    assert len(turns.waiting) == 2
    if moment == "waiting":
        first.cancel()
        end.set()
    else:
        end.set()
        await asyncio.sleep(0)
        assert len(turns.waiting) == 1
        first.cancel()
    await asyncio.wait_for(asyncio.gather(holder, second), 1)
    assert first.cancelled()
    second.result().release()
    assert (turns.begun, list(turns.waiting)) == ([], [])


async def leave_waiting(db: Database, tasks: list[asyncio.Task[Any]]) -> None:
    """End a session whose statement waits for its turn in another task."""
    async with db.session() as session:
        tasks.append(asyncio.create_task(session.connection()))
        await asyncio.sleep(0.01)


async def test_a_session_that_is_closed_while_it_waits_for_its_turn_is_told(db: Database) -> None:
    tasks: list[asyncio.Task[Any]] = []
    async with rolled_back(db):
        begun, end = asyncio.Event(), asyncio.Event()

        async def other() -> None:
            async with db.session() as session:
                await session.connection()
                begun.set()
                await end.wait()

        task = asyncio.create_task(other())
        await begun.wait()
        with pytest.raises(SessionShared):
            await leave_waiting(db, tasks)
        with pytest.raises(StatementCancelled):
            await tasks.pop()
        end.set()
        await task
        await add(db, "a")
        assert await names(db) == ["a"]
