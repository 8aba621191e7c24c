# ruff: noqa: PT012  # what raises is a unit of work as a whole, which has more than one line
from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import func, text
from sqlmodel import select
from tests.shop import Account, Base, Team

from colonnade.database import Database
from colonnade.errors import (
    ColonnadeError,
    Deadlock,
    InvalidStatement,
    LockTimeout,
    TransactionAborted,
    UniqueViolation,
)
from colonnade.session.session import Session

Failure = Callable[[Session], Awaitable[object]]


async def names(db: Database) -> list[str]:
    async with db.reader() as session:
        return sorted((await session.exec(select(Team.name))).all())


async def misspelt(session: Session) -> None:
    await session.execute(text("SELECT nonsense FROM nowhere"))


async def duplicate(session: Session) -> None:
    session.add(Team(name="first"))
    await session.flush()


@pytest.fixture(params=[misspelt, duplicate])
def fail(request: pytest.FixtureRequest) -> Failure:
    failure: Failure = request.param
    return failure


async def caught(session: Session, fail: Failure) -> None:
    with pytest.raises((InvalidStatement, UniqueViolation)):
        await fail(session)


@pytest.fixture
async def filled(db: Database) -> Database:
    async with db.session() as session:
        session.add(Team(name="first"))
    return db


async def test_after_a_caught_failure_the_next_statement_is_refused(
    filled: Database, fail: Failure
) -> None:
    with pytest.raises(TransactionAborted) as refused:
        async with filled.session() as session:
            session.add(Team(name="second"))
            await session.flush()
            await caught(session, fail)
            await session.execute(text("SELECT 1"))
    assert "async with session.savepoint()" in str(refused.value.hint)
    assert await names(filled) == ["first"]


async def test_after_a_caught_failure_the_commit_is_refused_and_nothing_stored(
    filled: Database, fail: Failure
) -> None:
    ran: list[str] = []
    with pytest.raises(TransactionAborted):
        async with filled.session() as session:
            session.add(Team(name="second"))
            await session.flush()
            session.on_commit(lambda: ran.append("committed"))
            await caught(session, fail)
    assert await names(filled) == ["first"]
    assert not ran


async def test_the_refusal_tells_which_failure_it_is_about(filled: Database) -> None:
    with pytest.raises(TransactionAborted) as refused:
        async with filled.session() as session:
            await caught(session, misspelt)
    assert "nowhere" in str(refused.value.__cause__) or "nonsense" in str(refused.value.__cause__)


async def test_an_explicit_commit_is_refused_too(filled: Database, fail: Failure) -> None:
    async with filled.session() as session:
        session.add(Team(name="second"))
        await session.flush()
        await caught(session, fail)
        with pytest.raises(TransactionAborted):
            await session.commit()
        await session.rollback()
    assert await names(filled) == ["first"]


async def test_a_rollback_of_the_unit_heals_it(filled: Database, fail: Failure) -> None:
    async with filled.session() as session:
        await caught(session, fail)
        await session.rollback()
        session.add(Team(name="third"))
    assert await names(filled) == ["first", "third"]


async def test_a_savepoint_heals_and_the_work_before_it_stands(
    filled: Database, fail: Failure
) -> None:
    async with filled.session() as session:
        session.add(Team(name="second"))
        with pytest.raises((InvalidStatement, UniqueViolation)):
            async with session.savepoint():
                session.add(Team(name="undone"))
                await fail(session)
        session.add(Team(name="third"))
    assert await names(filled) == ["first", "second", "third"]


async def test_a_begin_nested_of_sqlalchemy_heals_as_well(filled: Database, fail: Failure) -> None:
    async with filled.session() as session:
        session.add(Team(name="second"))
        with pytest.raises(ColonnadeError):
            async with session.begin_nested():
                session.add(Team(name="undone"))
                await fail(session)
        session.add(Team(name="third"))
    assert await names(filled) == ["first", "second", "third"]


async def test_an_inner_savepoint_heals_for_the_outer_one(filled: Database, fail: Failure) -> None:
    async with filled.session() as session, session.savepoint():
        session.add(Team(name="outer"))
        with pytest.raises((InvalidStatement, UniqueViolation)):
            async with session.savepoint():
                await fail(session)
        session.add(Team(name="after"))
    assert await names(filled) == ["after", "first", "outer"]


async def test_a_failure_swallowed_inside_a_savepoint_undoes_the_savepoint(
    filled: Database, fail: Failure
) -> None:
    async with filled.session() as session:
        session.add(Team(name="second"))
        with pytest.raises(TransactionAborted):
            async with session.savepoint():
                session.add(Team(name="undone"))
                await session.flush()
                await caught(session, fail)
        session.add(Team(name="third"))
    assert await names(filled) == ["first", "second", "third"]


async def test_no_savepoint_is_begun_in_a_unit_that_failed(filled: Database, fail: Failure) -> None:
    with pytest.raises(TransactionAborted):
        async with filled.session() as session:
            session.add(Team(name="second"))
            await session.flush()
            await caught(session, fail)
            async with session.savepoint():
                session.add(Team(name="third"))
    assert await names(filled) == ["first"]


async def test_a_transaction_block_of_sqlalchemy_refuses_as_ours_does(filled: Database) -> None:
    with pytest.raises(TransactionAborted):
        async with filled.session() as session, session.begin():
            session.add(Team(name="second"))
            await session.flush()
            await caught(session, misspelt)
    assert await names(filled) == ["first"]


async def test_a_commit_inside_run_sync_refuses_as_ours_does(filled: Database) -> None:
    with pytest.raises(TransactionAborted):
        async with filled.session() as session:
            session.add(Team(name="second"))
            await session.flush()
            await caught(session, misspelt)
            await session.run_sync(lambda sync: sync.commit())
    assert await names(filled) == ["first"]


async def test_the_next_unit_on_the_same_connection_knows_nothing_of_it(
    make: Callable[..., Database],
) -> None:
    db = make(pool_size=1, max_overflow=0)
    for _ in range(3):
        with pytest.raises(TransactionAborted):
            async with db.session() as session:
                await caught(session, misspelt)
        async with db.session() as session:
            assert await session.scalar(text("SELECT 1")) == 1


async def test_a_connection_of_the_engine_is_refused_too(filled: Database) -> None:
    async with filled.engine.connect() as connection:
        with pytest.raises(InvalidStatement):
            await connection.execute(text("SELECT nonsense FROM nowhere"))
        with pytest.raises(TransactionAborted):
            await connection.execute(text("SELECT 1"))
        await connection.rollback()
    assert await names(filled) == ["first"]


async def test_a_begin_that_fails_dooms_nothing(sqlite_url: str) -> None:
    async with Database(sqlite_url, metadata=Base.metadata, lock_timeout=0.05) as db:
        await db.create_all()
        other = sqlite3.connect(str(db.engine.url.database), isolation_level=None)
        async with db.session() as session:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(LockTimeout):
                await session.execute(text("SELECT 1"))
            other.execute("ROLLBACK")
            other.close()
            session.add(Team(name="a"))
        assert await names(db) == ["a"]


async def test_a_reader_goes_on_after_a_failure(filled: Database) -> None:
    async with filled.reader() as session:
        await caught(session, misspelt)
        assert await session.scalar(select(func.count()).select_from(Team)) == 1


@pytest.mark.parametrize("swallowed", ["inside", "outside"])
async def test_after_a_deadlock_in_a_savepoint_half_a_unit_is_never_committed(
    server_db: Database, swallowed: str
) -> None:
    async with server_db.session() as session:
        session.add_all([Account(id=number, owner=str(number)) for number in (1, 2, 3, 4)])
    both = asyncio.Barrier(2)

    async def add(session: Session, number: int) -> None:
        await session.execute(
            text("UPDATE account SET balance = balance + 1 WHERE id = :id"), {"id": number}
        )

    async def unit(own: int, first: int, second: int) -> None:
        async with server_db.session() as session:
            await add(session, own)
            try:
                async with session.savepoint():
                    await add(session, first)
                    await both.wait()
                    try:
                        await add(session, second)
                    except Deadlock:
                        if swallowed == "outside":
                            raise
            except Deadlock:
                pass
            await add(session, own)

    outcomes = await asyncio.gather(unit(3, 1, 2), unit(4, 2, 1), return_exceptions=True)
    async with server_db.reader() as session:
        accounts = (await session.exec(select(Account).order_by(Account.id))).all()  # type: ignore[arg-type]  # a column
    balances = [account.balance for account in accounts]
    for own, outcome in zip((2, 3), outcomes, strict=True):
        assert balances[own] == (2 if outcome is None else 0)
    assert all(isinstance(outcome, ColonnadeError | None) for outcome in outcomes)
