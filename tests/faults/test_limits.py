"""Statement and lock time-outs, and two units that cannot both have their way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from sqlalchemy import text
from sqlmodel import select
from tests.faults.ground import (
    ENDLESS,
    Witness,
    next_unit_works,
    nothing_leaked,
    open_at,
    write_pair,
)
from tests.faults.tables import Counter

from colonnade.database import Database
from colonnade.errors import (
    ColonnadeError,
    Deadlock,
    LockTimeout,
    SerializationFailure,
    StatementTimeout,
)
from colonnade.session.session import Session

LOCKED = select(Counter).with_for_update()


async def test_a_statement_beyond_its_limit_ends_the_unit_and_no_more(
    filled_url: str, witness: Witness
) -> None:
    async with open_at(filled_url, pool_size=1, statement_timeout=0.2) as db:

        async def unit() -> None:
            async with db.session() as session:
                await write_pair(session, 1)
                await session.execute(text(ENDLESS[db.family]))

        begun = time.monotonic()
        with pytest.raises(StatementTimeout):
            await unit()
        assert time.monotonic() - begun < 1
        assert not await witness.notes()
        await nothing_leaked(db, witness)
        await next_unit_works(db)


async def test_a_reader_has_the_same_limit(filled_url: str, witness: Witness) -> None:
    async with open_at(filled_url, statement_timeout=0.2) as db:
        for snapshot in (False, True):
            with pytest.raises(StatementTimeout):
                async with db.reader(snapshot=snapshot) as session:
                    await session.execute(text(ENDLESS[db.family]))
            await nothing_leaked(db, witness)


async def test_a_units_own_limit_does_not_pass_to_the_next(filled_url: str) -> None:
    slow = {
        "postgresql": "SELECT pg_sleep(0.5)",
        "mysql": "SELECT sleep(0.5)",
        "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000000) "
        "SELECT count(*) FROM n",
    }
    async with open_at(filled_url, pool_size=1, statement_timeout=20) as db:
        with pytest.raises(StatementTimeout):
            async with db.session(statement_timeout=0.1) as session:
                await session.execute(text(slow[db.family]))
        async with db.session() as session:
            await session.execute(text(slow[db.family]))


async def test_a_lock_that_is_not_to_be_had_is_a_lock_timeout_in_time(
    db: Database, filled_url: str, witness: Witness
) -> None:
    async with open_at(filled_url) as other, other.session() as holder:
        await holder.exec(LOCKED)
        # MariaDB waits for whole seconds.
        for limit in (None, 1.0):
            options = {} if limit is None else {"lock_timeout": limit}
            begun = time.monotonic()
            with pytest.raises(LockTimeout):
                async with db.session(**options) as session:
                    await session.exec(LOCKED)
            assert 0.9 < time.monotonic() - begun < 2
    await nothing_leaked(db, witness)
    await next_unit_works(db)


async def test_run_waits_out_a_lock_that_is_held_for_longer_than_the_limit(
    db: Database, filled_url: str
) -> None:
    attempts = 0

    async def work(session: Session) -> None:
        nonlocal attempts
        attempts += 1
        counter = (await session.exec(LOCKED.where(Counter.id == 1))).one()
        counter.value += 1

    async with open_at(filled_url) as other:
        async with other.session() as holder:
            await holder.exec(LOCKED)
            waiting = asyncio.create_task(db.run(work))
            await asyncio.sleep(1.2)
        await waiting
    assert attempts == 2


class Meeting:
    """Two units that wait for each other once, in their first attempts."""

    def __init__(self) -> None:
        self._barrier = asyncio.Barrier(2)
        self.attempts = 0

    async def here(self) -> None:
        self.attempts += 1
        if self.attempts <= 2:
            await self._barrier.wait()


def crossing(meeting: Meeting, first: int, second: int) -> Callable[[Session], Awaitable[None]]:
    """A unit that locks two counters in an order and adds one to each."""

    async def work(session: Session) -> None:
        for step, key in enumerate((first, second)):
            counter = (await session.exec(LOCKED.where(Counter.id == key))).one()
            counter.value += 1
            if not step:
                await meeting.here()

    return work


@pytest.fixture
async def patient(served_url: str) -> AsyncIterator[Database]:
    """PostgreSQL looks for deadlocks after a second only."""
    async with open_at(served_url, lock_timeout=5, statement_timeout=10) as db:
        yield db


async def test_of_two_units_in_a_deadlock_one_goes_on_and_one_is_told(
    patient: Database, witness: Witness
) -> None:
    db, meeting = patient, Meeting()

    async def unit(first: int, second: int) -> None:
        async with db.session() as session:
            await crossing(meeting, first, second)(session)

    answers = await asyncio.gather(unit(1, 2), unit(2, 1), return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["Deadlock", "NoneType"]
    assert await witness.rows("SELECT value FROM counter") == [(1,), (1,)]
    await nothing_leaked(db, witness)
    await next_unit_works(db)


async def test_run_brings_both_units_of_a_deadlock_to_their_end(
    patient: Database, witness: Witness
) -> None:
    db, meeting = patient, Meeting()
    await asyncio.gather(db.run(crossing(meeting, 1, 2)), db.run(crossing(meeting, 2, 1)))
    assert meeting.attempts == 3
    assert await witness.rows("SELECT value FROM counter") == [(2,), (2,)]
    await nothing_leaked(db, witness)


def skewed(meeting: Meeting, mine: int) -> Callable[[Session], Awaitable[None]]:
    """A unit that reads both counters and raises its own above them."""

    async def work(session: Session) -> None:
        values = (await session.exec(select(Counter.value))).all()
        await meeting.here()
        counter = await session.get_one(Counter, mine)
        counter.value = max(values) + 1

    return work


async def test_two_units_that_cannot_be_put_in_an_order_are_told_or_run_again(
    served_url: str, db: Database, witness: Witness
) -> None:
    refused = {"postgresql": SerializationFailure, "mysql": Deadlock}[db.family]

    async def unit(mine: int, meeting: Meeting) -> None:
        async with db.session(isolation="serializable") as session:
            await skewed(meeting, mine)(session)

    meeting = Meeting()
    answers = await asyncio.gather(unit(1, meeting), unit(2, meeting), return_exceptions=True)
    assert {type(answer) for answer in answers} == {type(None), refused}
    meeting = Meeting()
    works = (skewed(meeting, 1), skewed(meeting, 2))
    await asyncio.gather(*(db.run(work, isolation="serializable") for work in works))
    assert meeting.attempts == 3
    # One after the other, in either order: no two counters are ever equal.
    values = [row[0] for row in await witness.rows("SELECT value FROM counter")]
    assert sorted(values) == [2, 3]
    await nothing_leaked(db, witness)


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
async def test_no_update_is_lost_between_units_that_read_first(
    db: Database, filled_url: str, witness: Witness, isolation: str
) -> None:
    """MariaDB's repeatable read lets a read be followed by a blind write: there, lock."""
    locking = db.family == "mysql" and isolation == "repeatable read"

    async def work(session: Session) -> None:
        query = select(Counter).where(Counter.id == 1)
        counter = (await session.exec(query.with_for_update() if locking else query)).one()
        counter.value += 1

    units = (db.run(work, attempts=50, isolation=isolation) for _ in range(20))
    await asyncio.gather(*units)
    assert await witness.rows("SELECT value FROM counter WHERE id = 1") == [(20,)]


async def test_200_tasks_on_a_pool_of_5_are_all_served_and_never_more_than_5_at_once(
    filled_url: str, witness: Witness
) -> None:
    running = most = 0
    backends: list[int] = []

    async def work(session: Session) -> None:
        nonlocal running, most
        counter = (await session.exec(LOCKED.where(Counter.id == 1))).one()
        running += 1
        most = max(most, running)
        counter.value += 1
        await session.flush()
        if witness.kind != "sqlite" and counter.value % 50 == 0:
            backends.append(len(await witness.backends()))
        running -= 1

    async def look(db: Database) -> None:
        async with db.reader() as session:
            await session.exec(select(Counter))

    async with open_at(
        filled_url, pool_size=3, max_overflow=2, pool_timeout=30, lock_timeout=30
    ) as db:
        units = [db.run(work) for _ in range(200)]
        readers = [look(db) for _ in range(200)]
        answers = await asyncio.gather(*units, *readers, return_exceptions=True)
        assert not [answer for answer in answers if isinstance(answer, BaseException)]
        assert await witness.rows("SELECT value FROM counter WHERE id = 1") == [(200,)]
        assert 1 <= most <= 5
        # The readers have five more of their own.
        assert all(count <= 10 for count in backends)
        await nothing_leaked(db, witness)


async def test_an_error_of_a_limit_says_so_without_the_statement(filled_url: str) -> None:
    async with open_at(filled_url, statement_timeout=0.1) as db:
        with pytest.raises(ColonnadeError) as caught:
            async with db.session() as session:
                await session.execute(text(ENDLESS[db.family]))
        assert "SELECT" not in str(caught.value)
