# ruff: noqa: PT012  # what raises is a unit of work as a whole, which has more than one line
from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest
from sqlalchemy import text
from sqlmodel import select
from tests.shop import Account, Team

from colonnade.database import Database
from colonnade.errors import (
    CommitUnknown,
    ConnectionLost,
    ForeignKeyViolation,
    InvalidSetting,
    LockTimeout,
    ReadOnlySession,
    StatementTimeout,
)
from colonnade.testing import Proxy, commits


async def names(db: Database) -> list[str]:
    async with db.reader() as session:
        return sorted((await session.exec(select(Team.name))).all())


@pytest.fixture(params=["sqlite", "postgresql"])
async def deferring(request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    """A database that checks a foreign key at COMMIT; MariaDB has no such thing."""
    async with Database(request.getfixturevalue(f"{request.param}_url")) as db:
        async with db.session() as session:
            await session.execute(text("CREATE TABLE team (id int PRIMARY KEY)"))
            await session.execute(
                text(
                    "CREATE TABLE seat (team_id int NOT NULL "
                    "REFERENCES team (id) DEFERRABLE INITIALLY DEFERRED)"
                )
            )
        yield db


async def test_a_commit_that_fails_raises_and_nothing_is_stored(deferring: Database) -> None:
    ran: list[str] = []
    with pytest.raises(ForeignKeyViolation):
        async with deferring.session() as session:
            session.on_commit(lambda: ran.append("committed"))
            await session.execute(text("INSERT INTO seat VALUES (7)"))
    assert not ran
    async with deferring.session() as session:
        assert await session.scalar(text("SELECT count(*) FROM seat")) == 0
    assert deferring.pool().in_use == 0


async def test_after_a_commit_that_failed_the_unit_may_be_rolled_back_and_go_on(
    deferring: Database,
) -> None:
    async with deferring.session() as session:
        await session.execute(text("INSERT INTO seat VALUES (7)"))
        with pytest.raises(ForeignKeyViolation):
            await session.commit()
        await session.rollback()
        await session.execute(text("INSERT INTO team VALUES (1)"))
    async with deferring.session() as session:
        assert await session.scalar(text("SELECT count(*) FROM team")) == 1
        assert await session.scalar(text("SELECT count(*) FROM seat")) == 0


@pytest.mark.parametrize("happened", [False, True])
async def test_a_commit_that_was_not_answered_is_unknown_and_runs_no_callbacks(
    server_db: Database, proxied: Database, proxy: Proxy, happened: bool
) -> None:
    ran: list[str] = []
    with pytest.raises(CommitUnknown, match="stored or not") as caught:
        async with proxied.session() as session:
            session.add(Team(name="a"))
            await session.flush()
            session.on_commit(lambda: ran.append("committed"))
            (proxy.cut_after if happened else proxy.cut_before)(commits)
    assert "verify=" in str(caught.value.hint)
    assert not ran
    assert await names(server_db) == (["a"] if happened else [])
    async with proxied.session() as session:
        session.add(Team(name="b"))
    assert proxied.pool().in_use == 0


async def test_a_connection_that_breaks_before_commit_is_lost_and_not_unknown(
    server_db: Database, proxied: Database, proxy: Proxy
) -> None:
    with pytest.raises(ConnectionLost):
        async with proxied.session() as session:
            session.add(Team(name="a"))
            await session.flush()
            proxy.cut()
            await asyncio.sleep(0.05)
            await session.execute(text("SELECT 1"))
    assert await names(server_db) == []


async def test_an_exception_of_the_block_stands_when_the_rollback_fails_too(
    server_db: Database, proxied: Database, proxy: Proxy
) -> None:
    with pytest.raises(KeyError, match="mine"):
        async with proxied.session() as session:
            session.add(Team(name="a"))
            await session.flush()
            proxy.cut()
            await asyncio.sleep(0.05)
            raise KeyError("mine")
    assert proxied.pool().in_use == 0
    async with proxied.session() as session:
        assert (await session.exec(select(Team))).all() == []


async def test_a_task_cancelled_in_the_block_stores_nothing_and_leaks_nothing(
    make: Callable[..., Database],
) -> None:
    db = make(pool_size=1, max_overflow=0, pool_timeout=1)
    inside = asyncio.Event()

    async def unit() -> None:
        async with db.session() as session:
            session.add(Team(name="a"))
            await session.flush()
            inside.set()
            await asyncio.sleep(10)

    task = asyncio.create_task(unit())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert db.pool().in_use == 0
    assert await names(db) == []
    async with db.session() as session:
        session.add(Team(name="next"))


async def test_a_task_cancelled_twice_still_gives_its_connection_back(
    server_db: Database, server_url: str
) -> None:
    async with (
        Proxy.to(server_url) as proxy,
        Database(proxy.url(server_url), pool_size=1, max_overflow=0, pool_timeout=2) as db,
    ):
        inside = asyncio.Event()

        async def unit() -> None:
            async with db.session() as session:
                await session.execute(text("INSERT INTO team (name) VALUES ('a')"))
                inside.set()
                await asyncio.sleep(10)

        task = asyncio.create_task(unit())
        await inside.wait()
        proxy.delay(0.05)
        task.cancel()
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        proxy.delay(0)
        async with db.session() as session:
            assert await session.scalar(text("SELECT count(*) FROM team")) == 0
        assert db.pool().in_use == 0


async def test_a_task_cancelled_in_commit_leaves_a_whole_unit_or_nothing(
    server_db: Database, proxied: Database, proxy: Proxy
) -> None:
    ran: list[str] = []

    async def unit() -> None:
        async with proxied.session() as session:
            session.add_all([Team(name="a"), Team(name="b")])
            await session.flush()
            session.on_commit(lambda: ran.append("committed"))
            proxy.delay(0.1)

    task = asyncio.create_task(unit())
    while not proxied.pool().in_use or not proxy._delay:  # noqa: ASYNC110  # nobody tells
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    proxy.delay(0)
    await asyncio.sleep(0.2)
    stored = await names(server_db)
    assert stored in ([], ["a", "b"])
    assert bool(ran) is bool(stored)
    assert proxied.pool().in_use == 0
    async with proxied.session() as session:
        session.add(Team(name="next"))


async def test_options_hold_for_one_unit_only(make: Callable[..., Database]) -> None:
    db = make(pool_size=1, max_overflow=0)
    slow = {
        "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
        "WHERE i < 20000000) SELECT count(*) FROM n",
        "postgresql": "SELECT pg_sleep(2)",
        "mysql": "SELECT sleep(2)",
    }[db.family]
    for _ in range(2):
        with pytest.raises((StatementTimeout, ConnectionLost)):
            async with db.session(statement_timeout=0.05) as session:
                await session.execute(text(slow))
    quick = slow.replace("20000000", "200000").replace("sleep(2)", "sleep(0.1)")
    async with db.session() as session:
        await session.execute(text(quick))
    async with db.session(isolation="serializable") as session:
        await session.execute(text("SELECT 1"))
    async with db.session() as session:
        if db.family == "postgresql":
            assert await session.scalar(text("SHOW transaction_isolation")) == "read committed"
        if db.family == "mysql":
            assert await session.scalar(text("SELECT @@tx_isolation")) == "REPEATABLE-READ"


async def test_a_read_only_unit_is_refused_by_the_server_and_the_next_one_writes(
    make: Callable[..., Database],
) -> None:
    db = make(pool_size=1, max_overflow=0)
    with pytest.raises(Exception) as caught:  # noqa: PT011 # the class is asserted below
        async with db.session(read_only=True) as session:
            session.add(Team(name="a"))
    assert type(caught.value).__name__ in ("ReadOnlyServer", ReadOnlySession.__name__)
    async with db.session() as session:
        session.add(Team(name="b"))
    assert await names(db) == ["b"]


async def test_a_lock_timeout_holds_for_one_unit(make: Callable[..., Database]) -> None:
    db = make(pool_size=2, max_overflow=0)
    async with db.session() as session:
        session.add(Account(id=1, owner="a"))
    change = text("UPDATE account SET balance = balance + 1 WHERE id = 1")
    async with db.session() as holder:
        await holder.execute(change)

        async def wait() -> None:
            async with db.session(lock_timeout=0.2) as session:
                await session.execute(change)

        begun = time.monotonic()
        with pytest.raises(LockTimeout):
            # A task of its own: on SQLite, one that waits for itself is told at once.
            await asyncio.create_task(wait())
        assert time.monotonic() - begun < 2.5


async def test_variables_belong_to_postgresql_and_end_with_the_unit(
    make: Callable[..., Database],
) -> None:
    db = make(pool_size=1, max_overflow=0)
    if db.family != "postgresql":
        with pytest.raises(InvalidSetting, match="row-level security"):
            async with db.session(variables={"app.tenant": "7"}) as session:
                await session.execute(text("SELECT 1"))
        return
    ask = text("SELECT current_setting('app.tenant', true)")
    async with db.session(variables={"app.tenant": "7"}) as session:
        assert await session.scalar(ask) == "7"
    async with db.session() as session:
        assert not await session.scalar(ask)
