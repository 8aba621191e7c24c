from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
import stamina
from sqlalchemy import text
from sqlmodel import select
from tests.shop import Account, Team

from colonnade import errors
from colonnade.database import Database
from colonnade.errors import (
    CommitUnknown,
    ConnectionFailed,
    ConnectionLost,
    Deadlock,
    InvalidSetting,
    LockTimeout,
    ReadOnlyServer,
    Retryable,
    SerializationFailure,
    UniqueViolation,
)
from colonnade.session.retry import CommitLost, repeat_unit
from colonnade.session.session import Session
from colonnade.testing import Proxy, commits

RETRIED = (Retryable, SerializationFailure, Deadlock, LockTimeout)
FAILOVER = (ConnectionFailed, ConnectionLost, ReadOnlyServer)
ALL = [getattr(errors, name) for name in errors.__all__]


class Work:
    """Work that fails with ``error`` for the first ``failures`` times."""

    def __init__(self, error: BaseException, failures: int = 1) -> None:
        self.error = error
        self.failures = failures
        self.runs = 0

    async def __call__(self, *_: object) -> int:
        self.runs += 1
        if self.runs <= self.failures:
            raise self.error
        return self.runs


async def again(work: Work, **options: Any) -> int:
    return await repeat_unit(work, **{"attempts": 5, "timeout": 5.0, "reconnect": False, **options})


@pytest.mark.parametrize("kind", ALL, ids=[kind.__name__ for kind in ALL])
async def test_exactly_the_retryable_errors_are_retried(kind: type[Exception]) -> None:
    for reconnect in (False, True):
        work = Work(kind("failed"))
        if issubclass(kind, Retryable) or (reconnect and issubclass(kind, FAILOVER)):
            assert await again(work, reconnect=reconnect) == 2
        else:
            with pytest.raises(kind):
                await again(work, reconnect=reconnect)
            assert work.runs == 1


async def test_a_commit_that_is_known_to_be_lost_is_retried() -> None:
    assert await again(Work(CommitLost("lost"))) == 2


async def test_the_last_attempts_error_comes_out_as_it_was() -> None:
    error = Deadlock("mine")
    work = Work(error, failures=9)
    with pytest.raises(Deadlock) as caught:
        await again(work, attempts=3)
    assert caught.value is error
    assert work.runs == 3


async def test_no_attempt_begins_after_the_timeout() -> None:
    work, begun = Work(Deadlock("mine"), failures=1000), time.monotonic()
    with pytest.raises(Deadlock):
        await again(work, attempts=1000, timeout=0.3)
    assert time.monotonic() - begun < 1
    assert 2 <= work.runs < 20


@pytest.mark.parametrize("bounds", [{"attempts": 0}, {"timeout": 0}, {"timeout": -1.0}])
async def test_bounds_that_allow_no_attempt_are_refused(bounds: dict[str, Any]) -> None:
    work = Work(Deadlock("mine"))
    with pytest.raises(InvalidSetting):
        await again(work, **bounds)
    assert work.runs == 0


async def test_where_stamina_is_deactivated_the_work_runs_once(db: Database) -> None:
    work = Work(Deadlock("mine"))
    stamina.set_active(False)
    try:
        with pytest.raises(Deadlock):
            await db.run(work)
        assert work.runs == 1
        assert await db.run(work) == 2
    finally:
        stamina.set_active(True)


async def test_an_exception_of_the_users_passes_untouched_after_one_run(db: Database) -> None:
    error = KeyError("mine")
    work = Work(error)
    with pytest.raises(KeyError) as caught:
        await db.run(work)
    assert caught.value is error
    assert work.runs == 1


async def test_a_retried_unit_begins_anew_and_its_first_half_is_gone(db: Database) -> None:
    runs = 0

    async def work(session: Session) -> str:
        nonlocal runs
        runs += 1
        session.add(Team(name=f"run {runs}"))
        await session.flush()
        if runs < 3:
            raise SerializationFailure("again")
        return "done"

    assert await db.run(work) == "done"
    async with db.reader() as session:
        assert (await session.exec(select(Team.name))).all() == ["run 3"]
    assert db.pool().in_use == 0


async def test_the_callbacks_of_a_retried_unit_run_once(db: Database) -> None:
    ran: list[int] = []

    async def work(session: Session) -> None:
        number = len(ran)
        session.on_commit(lambda: ran.append(number))
        if not work_runs:
            work_runs.append(1)
            raise Deadlock("again")

    work_runs: list[int] = []
    await db.run(work)
    assert ran == [0]


@pytest.mark.parametrize("isolation", [None, "serializable"])
async def test_concurrent_increments_lose_no_update(
    make: Callable[..., Database], isolation: str | None
) -> None:
    db = make(pool_size=5, max_overflow=0, lock_timeout=2)
    async with db.session() as session:
        session.add(Account(id=1, owner="a"))
    ways: dict[str, Any] = {"isolation": isolation} if isolation else {}
    runs = 0

    async def increment(session: Session) -> None:
        nonlocal runs
        runs += 1
        statement = select(Account).where(Account.id == 1)
        account = (
            await session.exec(statement if isolation else statement.with_for_update())
        ).one()
        account.balance += 1

    async def worker() -> None:
        for _ in range(3):
            await db.run(increment, attempts=100, timeout=20, **ways)

    await asyncio.gather(*(worker() for _ in range(10)))
    async with db.reader() as session:
        assert (await session.get_one(Account, 1)).balance == 30
    assert runs >= 30


async def test_with_reconnect_a_server_that_comes_back_serves_the_unit(
    server_db: Database, proxied: Database, proxy: Proxy
) -> None:
    runs = 0

    async def work(session: Session) -> None:
        nonlocal runs
        runs += 1
        session.add(Team(name=f"run {runs}"))
        await session.flush()
        if runs == 1:
            proxy.refuse()
            proxy.cut()
            asyncio.get_running_loop().call_later(
                0.1, lambda: back.append(asyncio.create_task(proxy.listen()))
            )
            await session.execute(text("SELECT 1"))

    back: list[asyncio.Task[None]] = []
    await proxied.run(work, reconnect=True, attempts=50, timeout=10)
    async with server_db.reader() as session:
        assert (await session.exec(select(Team.name))).all() == [f"run {runs}"]


async def test_without_reconnect_a_lost_connection_is_the_callers_to_judge(
    server_db: Database, proxied: Database, proxy: Proxy
) -> None:
    runs = 0

    async def work(session: Session) -> None:
        nonlocal runs
        runs += 1
        await session.execute(text("SELECT 1"))
        proxy.cut()
        await asyncio.sleep(0.05)
        await session.execute(text("SELECT 1"))

    with pytest.raises(ConnectionLost):
        await proxied.run(work)
    assert runs == 1


@pytest.fixture
def ran() -> list[str]:
    return []


@pytest.fixture
def inserting(proxy: Proxy, ran: list[str]) -> Callable[[bool], Any]:
    """Work whose first COMMIT is cut, before or after the server did it."""

    def make(happened: bool) -> Any:
        async def work(session: Session) -> str:
            ran.append("work")
            session.add(Team(name="a"))
            await session.flush()
            session.on_commit(lambda: ran.append("committed"))
            if ran.count("work") == 1:
                (proxy.cut_after if happened else proxy.cut_before)(commits)
            return "done"

        return work

    return make


async def is_there(session: Session) -> bool:
    return (await session.exec(select(Team).where(Team.name == "a"))).first() is not None


@pytest.mark.parametrize("happened", [False, True])
async def test_an_unknown_commit_is_never_retried_blindly(
    server_db: Database,
    proxied: Database,
    inserting: Callable[[bool], Any],
    ran: list[str],
    happened: bool,
) -> None:
    with pytest.raises(CommitUnknown):
        await proxied.run(inserting(happened), reconnect=True)
    assert ran == ["work"]


@pytest.mark.parametrize("happened", [False, True])
async def test_with_verify_the_work_is_there_once_either_way(
    server_db: Database,
    proxied: Database,
    inserting: Callable[[bool], Any],
    ran: list[str],
    happened: bool,
) -> None:
    assert await proxied.run(inserting(happened), verify=is_there) == "done"
    assert ran == (["work", "committed"] if happened else ["work", "work", "committed"])
    async with server_db.reader() as session:
        assert (await session.exec(select(Team.name))).all() == ["a"]


async def test_a_verify_that_cannot_tell_leaves_the_commit_unknown(
    server_db: Database, proxied: Database, inserting: Callable[[bool], Any], ran: list[str]
) -> None:
    async def verify(session: Session) -> bool:
        await session.execute(text("SELECT nonsense FROM nowhere"))
        return True

    with pytest.raises(CommitUnknown) as caught:
        await proxied.run(inserting(True), verify=verify)
    assert isinstance(caught.value.__cause__, errors.InvalidStatement)
    assert ran == ["work"]


async def test_a_verify_with_a_fault_of_its_own_is_not_hidden(
    server_db: Database, proxied: Database, inserting: Callable[[bool], Any], ran: list[str]
) -> None:
    async def verify(session: Session) -> bool:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await proxied.run(inserting(True), verify=verify)


async def test_verify_is_not_asked_about_another_units_unknown_commit(db: Database) -> None:
    async def verify(session: Session) -> bool:
        raise AssertionError("this unit's own COMMIT was never sent")

    with pytest.raises(CommitUnknown):
        await db.run(Work(CommitUnknown("of another database")), verify=verify)


async def test_a_conflict_is_not_retried(db: Database) -> None:
    runs = 0

    async def work(session: Session) -> None:
        nonlocal runs
        runs += 1
        session.add_all([Team(id=1, name="a"), Team(id=2, name="a")])

    with pytest.raises(UniqueViolation):
        await db.run(work)
    assert runs == 1


async def test_a_unit_that_is_run_takes_options(db: Database) -> None:
    async def count(session: Session) -> int:
        return len((await session.exec(select(Team))).all())

    assert await db.run(count, read_only=True, isolation="repeatable-read") == 0
    with pytest.raises(InvalidSetting, match="did you mean 'serializable'"):
        await db.run(count, isolation="serialisable")
