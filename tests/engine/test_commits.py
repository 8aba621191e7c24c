# ruff: noqa: PT012  # what raises is a unit of work as a whole, which has more than one line
from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import pytest
from sqlalchemy import make_url, text
from sqlmodel import select
from tests.shop import Base, Team

from colonnade import errors
from colonnade.database import Database
from colonnade.engine import commits as judging
from colonnade.errors import (
    CommitUnknown,
    Deadlock,
    TransactionAborted,
    UniqueViolation,
    UsageError,
)
from colonnade.session.session import Session
from colonnade.testing import Proxy, commits

STORED = "a COMMIT of this unit of work had succeeded before: what it stored stays stored"
FINISHED = "COMMIT was finished although the task was cancelled: the work is stored"

Work = Callable[[Session], Awaitable[None]]
Way = Callable[[Session, Work], Awaitable[None]]


async def by_the_units_end(session: Session, work: Work) -> None:
    await work(session)


async def by_commit(session: Session, work: Work) -> None:
    await work(session)
    await session.commit()


async def by_a_block(session: Session, work: Work) -> None:
    async with session.begin():
        await work(session)


async def by_a_transaction(session: Session, work: Work) -> None:
    transaction = await session.begin()
    await work(session)
    await transaction.commit()


async def by_run_sync(session: Session, work: Work) -> None:
    await work(session)
    await session.run_sync(lambda sync: sync.commit())


async def by_the_connection(session: Session, work: Work) -> None:
    await work(session)
    await (await session.connection()).commit()


async def by_text(session: Session, work: Work) -> None:
    await work(session)
    await session.execute(text("COMMIT"))


WAYS: dict[str, Way] = {
    "the unit's end": by_the_units_end,
    "commit()": by_commit,
    "begin() block": by_a_block,
    "transaction.commit()": by_a_transaction,
    "run_sync": by_run_sync,
    "connection.commit()": by_the_connection,
}
#: Those that commit while the unit is still to go on.
INSIDE = {name: way for name, way in WAYS.items() if way is not by_the_units_end} | {
    "text": by_text
}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    return WAYS[request.param]


@pytest.fixture(params=INSIDE)
def inside(request: pytest.FixtureRequest) -> Way:
    return INSIDE[request.param]


@pytest.fixture
def ran() -> list[str]:
    return []


async def names(db: Database) -> list[str]:
    async with db.reader() as session:
        return sorted((await session.exec(select(Team.name))).all())


def storing(name: str, ran: list[str]) -> Work:
    """Work that stores a team, with a callback."""

    async def work(session: Session) -> None:
        session.add(Team(name=name))
        await session.flush()
        session.on_commit(lambda: ran.append(name))

    return work


def noted(error: BaseException) -> list[str]:
    return list(getattr(error, "__notes__", ()))


def chain(error: BaseException) -> list[type[BaseException]]:
    link: BaseException | None = error
    found = []
    while link is not None:
        found.append(type(link))
        link = link.__cause__ or link.__context__
    return found


@pytest.mark.parametrize("happened", [False, True])
async def test_a_commit_without_an_answer_is_unknown_whoever_sends_it_and_is_not_repeated(
    server_db: Database, proxied: Database, proxy: Proxy, way: Way, ran: list[str], happened: bool
) -> None:
    runs = 0

    async def unit(session: Session) -> None:
        async def work(session: Session) -> None:
            await storing("a", ran)(session)
            if runs == 1:
                (proxy.cut_after if happened else proxy.cut_before)(commits)

        nonlocal runs
        runs += 1
        await way(session, work)

    with pytest.raises(CommitUnknown):
        await proxied.run(unit, reconnect=True)
    assert runs == 1
    assert not ran
    assert await names(server_db) == (["a"] if happened else [])
    assert proxied.pool().in_use == 0


async def test_a_commit_that_is_sent_as_text_and_not_answered_is_unknown(
    server_db: Database, proxied: Database, proxy: Proxy, ran: list[str]
) -> None:
    runs = 0

    async def unit(session: Session) -> None:
        nonlocal runs
        runs += 1
        await storing("a", ran)(session)
        proxy.cut_before(lambda data: b"COMMIT" in data)
        await session.execute(text("COMMIT"))

    with pytest.raises(CommitUnknown):
        await proxied.run(unit, reconnect=True)
    assert runs == 1
    assert not ran


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
async def slowed(
    request: pytest.FixtureRequest,
) -> AsyncIterator[tuple[Database, Callable[[Session], Awaitable[None]]]]:
    """A database, and what makes the COMMIT of a session take 0.3 seconds."""
    url = request.getfixturevalue(f"{request.param}_url")
    if request.param == "sqlite":

        def wait(statement: str) -> None:
            if statement.startswith("COMMIT"):
                time.sleep(0.3)

        async def slow(session: Session) -> None:
            connection = await session.connection()
            driver: Any = (await connection.get_raw_connection()).driver_connection
            await driver.set_trace_callback(wait)

        async with Database(url, metadata=Base.metadata) as db:
            await db.create_all()
            yield db, slow
        return
    async with (
        Proxy.to(url) as proxy,
        Database(proxy.url(url), metadata=Base.metadata, pool_size=1, max_overflow=0) as db,
    ):
        await db.create_all()

        async def delay(session: Session) -> None:
            proxy.delay(0.3)
            asyncio.get_running_loop().call_later(0.4, proxy.delay, 0)

        yield db, delay


async def test_a_commit_is_finished_although_its_task_is_cancelled(
    slowed: tuple[Database, Callable[[Session], Awaitable[None]]], way: Way, ran: list[str]
) -> None:
    db, slow = slowed

    async def unit() -> None:
        async with db.session() as session:

            async def work(session: Session) -> None:
                await storing("a", ran)(session)
                await slow(session)
                task = asyncio.current_task()
                assert task is not None
                asyncio.get_running_loop().call_later(0.1, task.cancel)

            await way(session, work)

    task = asyncio.create_task(unit())
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert FINISHED in noted(caught.value) or STORED in noted(caught.value)
    assert ran == ["a"]
    await asyncio.sleep(0.4)
    assert await names(db) == ["a"]
    assert db.pool().in_use == 0
    async with db.session() as session:
        session.add(Team(name="next"))


async def test_a_timeout_that_ends_during_commit_leaves_the_work_stored_and_announced(
    slowed: tuple[Database, Callable[[Session], Awaitable[None]]], ran: list[str]
) -> None:
    db, slow = slowed
    with pytest.raises(TimeoutError) as caught:
        async with asyncio.timeout(None) as limit, db.session() as session:
            await storing("a", ran)(session)
            await slow(session)
            limit.reschedule(asyncio.get_running_loop().time() + 0.1)
    assert caught.value.__cause__ is not None
    assert FINISHED in noted(caught.value.__cause__)
    assert ran == ["a"]
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()


async def test_a_session_whose_commit_was_timed_out_knows_what_is_stored_and_goes_on(
    slowed: tuple[Database, Callable[[Session], Awaitable[None]]], ran: list[str]
) -> None:
    db, slow = slowed
    async with db.session() as session:
        team = Team(name="a")
        session.add(team)
        session.on_commit(lambda: ran.append("a"))
        await session.flush()
        await slow(session)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await session.commit()
        assert ran == ["a"]
        assert team in session
        await asyncio.sleep(0.4)
        team.name = "changed"
        session.on_commit(lambda: ran.append("changed"))
    assert await names(db) == ["changed"]
    assert ran == ["a", "changed"]


async def test_a_task_that_is_cancelled_right_before_its_commit_says_what_became_of_it(
    db: Database, ran: list[str]
) -> None:
    async def unit() -> None:
        async with db.session() as session:
            await storing("a", ran)(session)
            task = asyncio.current_task()
            assert task is not None
            task.cancel()

    with pytest.raises(asyncio.CancelledError) as caught:
        await asyncio.create_task(unit())
    stored = await names(db)
    assert ran == stored
    assert bool(noted(caught.value)) is bool(stored)


async def test_a_cancelled_commit_that_nobody_answers_is_chained_to_unknown_in_bounded_time(
    server_db: Database,
    proxied: Database,
    proxy: Proxy,
    way: Way,
    ran: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(judging, "FINISHING_SECONDS", 0.2)

    async def unit() -> None:
        async with proxied.session() as session:

            async def work(session: Session) -> None:
                await storing("a", ran)(session)
                await session.connection()
                proxy.freeze()

            await way(session, work)

    task = asyncio.create_task(unit())
    await asyncio.sleep(0.3)
    task.cancel()
    begun = time.monotonic()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert time.monotonic() - begun < 3
    assert CommitUnknown in chain(caught.value)
    assert not ran
    proxy.thaw()
    assert proxied.pool().in_use == 0


async def test_a_commit_of_an_engines_own_connection_is_judged_too(
    server_db: Database, proxied: Database, proxy: Proxy
) -> None:
    with pytest.raises(CommitUnknown):
        async with proxied.engine.begin() as connection:
            await connection.execute(text("INSERT INTO team (name) VALUES ('a')"))
            proxy.cut_after(commits)
    assert await names(server_db) == ["a"]


@pytest.fixture(params=["asyncpg", "psycopg"])
async def postgresql(
    request: pytest.FixtureRequest, postgresql_url: str
) -> AsyncIterator[Database]:
    url = make_url(postgresql_url).set(drivername=f"postgresql+{request.param}")
    async with Database(url, metadata=Base.metadata) as db:
        await db.create_all()
        yield db


async def fail_in_driver(session: Session) -> None:
    """Let a statement fail where neither SQLAlchemy nor the session see it."""
    raw = await (await session.connection()).get_raw_connection()
    driver: Any = raw.driver_connection
    with pytest.raises(Exception, match="duplicate key"):
        await driver.execute("INSERT INTO team (name) VALUES ('taken')")


async def test_a_commit_that_postgresql_answers_with_rollback_is_no_success(
    postgresql: Database, way: Way, ran: list[str]
) -> None:
    async with postgresql.session() as session:
        session.add(Team(name="taken"))

    async def work(session: Session) -> None:
        await storing("a", ran)(session)
        await fail_in_driver(session)

    with pytest.raises(TransactionAborted):
        async with postgresql.session() as session:
            await way(session, work)
    assert not ran
    assert await names(postgresql) == ["taken"]
    async with postgresql.session() as session:
        await storing("next", ran)(session)
    assert ran == ["next"]


async def test_asyncpg_tells_its_connections_the_answer_to_commit(postgresql_url: str) -> None:
    """A canary: ``Transaction.commit`` of asyncpg goes through ``Connection.execute``."""
    async with Database(postgresql_url) as db, db.engine.connect() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        for statement, answer in (("SELECT 1", "COMMIT"), ("SELECT 1/0", "ROLLBACK")):
            transaction = driver.transaction()
            await transaction.start()
            try:
                await driver.execute(statement)
            except asyncpg.DivisionByZeroError:
                assert answer == "ROLLBACK"  # one of two
            await transaction.commit()
            assert driver.answer == answer, "asyncpg.transaction.Transaction.commit"
            driver.answer = None


async def end_in_driver(session: Session, statement: str) -> None:
    raw = await (await session.connection()).get_raw_connection()
    driver: Any = raw.driver_connection
    if session.family == "mysql":
        async with driver.cursor() as cursor:
            await cursor.execute(statement)
    else:
        await driver.execute(statement)


@pytest.mark.parametrize("statement", ["COMMIT", "ROLLBACK"])
async def test_a_unit_whose_transaction_the_driver_ended_does_not_say_that_it_is_stored(
    db: Database, ran: list[str], statement: str
) -> None:
    with pytest.raises(CommitUnknown, match="ended past the session"):
        async with db.session() as session:
            await storing("a", ran)(session)
            await end_in_driver(session, statement)
    assert not ran
    assert await names(db) == (["a"] if statement == "COMMIT" else [])


async def test_a_rollback_that_is_sent_as_text_drops_the_callbacks(
    db: Database, ran: list[str]
) -> None:
    async with db.session() as session:
        await storing("a", ran)(session)
        await session.execute(text("ROLLBACK"))
    assert not ran
    assert await names(db) == []


async def test_run_repeats_nothing_after_a_commit_and_says_so(
    db: Database, inside: Way, ran: list[str]
) -> None:
    runs = 0

    async def unit(session: Session) -> None:
        nonlocal runs
        runs += 1
        await inside(session, storing(f"run {runs}", ran))
        raise Deadlock("in the second half")

    with pytest.raises(Deadlock) as caught:
        await db.run(unit)
    assert runs == 1
    assert STORED in noted(caught.value)
    assert ran == ["run 1"]
    assert await names(db) == ["run 1"]


async def test_run_repeats_nothing_after_statements_that_were_committed_one_by_one(
    server_db: Database,
) -> None:
    runs = 0

    async def unit(session: Session) -> None:
        nonlocal runs
        runs += 1
        await session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        session.add(Team(name=f"run {runs}"))
        await session.flush()
        raise Deadlock("in the second half")

    with pytest.raises(Deadlock):
        await server_db.run(unit)
    assert await names(server_db) == ["run 1"]


async def test_run_repeats_nothing_after_a_definition_that_commits_on_mariadb(
    mariadb_url: str,
) -> None:
    async with Database(mariadb_url, metadata=Base.metadata) as db:
        await db.create_all()
        runs = 0

        async def unit(session: Session) -> None:
            nonlocal runs
            runs += 1
            session.add(Team(name=f"run {runs}"))
            await session.flush()
            await session.execute(text(f"CREATE TABLE extra_{runs} (id int)"))
            raise Deadlock("in the second half")

        with pytest.raises(Deadlock) as caught:
            await db.run(unit)
        assert STORED in noted(caught.value)
        assert await names(db) == ["run 1"]


async def test_run_repeats_a_unit_that_rolled_back_by_itself(db: Database, ran: list[str]) -> None:
    runs = 0

    async def unit(session: Session) -> None:
        nonlocal runs
        runs += 1
        await storing(f"run {runs}", ran)(session)
        await session.rollback()
        if runs == 1:
            raise Deadlock("in the second half")

    await db.run(unit)
    assert runs == 2
    assert await names(db) == []


async def is_there(session: Session) -> bool:
    return (await session.exec(select(Team).where(Team.name == "a"))).first() is not None


@pytest.mark.parametrize("happened", [False, True])
async def test_verify_decides_on_a_commit_of_the_works_own_too(
    server_db: Database, proxied: Database, proxy: Proxy, ran: list[str], happened: bool
) -> None:
    runs = 0

    async def unit(session: Session) -> str:
        nonlocal runs
        runs += 1
        async with session.begin():
            await storing("a", ran)(session)
            if runs == 1:
                (proxy.cut_after if happened else proxy.cut_before)(commits)
        return "done"

    if happened:
        # It is stored, but what the work would have answered with nobody knows.
        with pytest.raises(CommitUnknown) as caught:
            await proxied.run(unit, verify=is_there)
        assert any("verify found the work stored" in note for note in noted(caught.value))
    else:
        assert await proxied.run(unit, verify=is_there) == "done"
    assert runs == (1 if happened else 2)
    assert ran == ["a"]
    assert await names(server_db) == ["a"]


async def test_a_commit_that_verify_finds_lost_is_not_repeated_after_one_that_is_stored(
    server_db: Database, proxied: Database, proxy: Proxy, ran: list[str]
) -> None:
    runs = 0

    async def unit(session: Session) -> None:
        nonlocal runs
        runs += 1
        await by_commit(session, storing("first", ran))
        await storing("a", ran)(session)
        proxy.cut_before(commits)

    with pytest.raises(errors.ConnectionLost) as caught:
        await proxied.run(unit, verify=is_there, reconnect=True)
    assert runs == 1
    assert STORED in noted(caught.value)
    assert ran == ["first"]
    assert await names(server_db) == ["first"]


async def test_the_callbacks_of_a_block_run_when_it_has_committed(
    db: Database, ran: list[str]
) -> None:
    with pytest.raises(KeyError) as caught:
        async with db.session() as session:
            await by_a_block(session, storing("a", ran))
            assert ran == ["a"]
            await storing("lost", ran)(session)
            raise KeyError
    assert noted(caught.value) == [STORED]
    assert ran == ["a"]
    assert await names(db) == ["a"]


async def test_the_callbacks_of_a_block_that_fails_never_run(db: Database, ran: list[str]) -> None:
    async with db.session() as session:
        with pytest.raises(KeyError):
            async with session.begin():
                await storing("a", ran)(session)
                raise KeyError
    assert not ran


async def test_after_a_commit_of_the_connection_the_session_goes_on(
    db: Database, ran: list[str]
) -> None:
    async with db.session() as session:
        await by_the_connection(session, storing("a", ran))
        session.add(Team(name="b"))
    assert ran == ["a"]
    assert await names(db) == ["a", "b"]


@pytest.mark.parametrize("ending", ["commit", "rollback"])
async def test_what_follows_an_ending_of_the_connection_in_another_transaction_is_refused(
    server_db: Database, ran: list[str], ending: str
) -> None:
    db = server_db
    with pytest.raises(UsageError, match="ended through its connection"):
        async with db.session() as session:
            await storing("a", ran)(session)
            await getattr(await session.connection(), ending)()
            await session.execute(text("INSERT INTO team (name) VALUES ('b')"))
    assert ran == (["a"] if ending == "commit" else [])
    assert await names(db) == (["a"] if ending == "commit" else [])


async def test_no_way_commits_after_a_failure_that_was_caught(
    db: Database, way: Way, ran: list[str]
) -> None:
    async with db.session() as session:
        session.add(Team(name="taken"))

    async def work(session: Session) -> None:
        await storing("a", ran)(session)
        with pytest.raises(UniqueViolation):
            await session.execute(text("INSERT INTO team (name) VALUES ('taken')"))

    with pytest.raises(TransactionAborted):
        async with db.session() as session:
            await way(session, work)
    assert not ran
    assert await names(db) == ["taken"]
