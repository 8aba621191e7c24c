"""A server that is refused, stopped or dead silent: every wait ends, and within its limit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from sqlalchemy import text
from sqlmodel import select
from tests.faults.ground import (
    Witness,
    eventually,
    next_unit_works,
    nothing_leaked,
    open_at,
    write_pair,
)
from tests.faults.tables import Note

from colonnade.database import Database
from colonnade.dialects.dialect import GRACE_SECONDS
from colonnade.errors import (
    CommitUnknown,
    ConnectionFailed,
    ConnectionLost,
    DatabaseError,
    StatementTimeout,
    Unavailable,
)
from colonnade.session.session import Session
from colonnade.testing import Proxy
from colonnade.testing.servers import TemporaryServer

STATEMENT = 0.3
CONNECT = 0.5
HEALTH = 0.4
#: What is added to a limit before it counts as broken: two cores do many things at once.
SLACK = 0.7


def impatient(url: str, **options: float) -> Database:
    limits = {"statement_timeout": STATEMENT, "connect_timeout": CONNECT, "health_timeout": HEALTH}
    return open_at(url, **{**limits, **options})


async def timed(work: Awaitable[object]) -> tuple[object, float]:
    """What the work answered or failed with, and after how many seconds."""
    begun = time.monotonic()
    try:
        answer = await work
    except DatabaseError as error:
        answer = error
    return answer, time.monotonic() - begun


class Frozen:
    """Units that stop before their next step until the server is frozen."""

    def __init__(self, freeze: Callable[[], object]) -> None:
        self._freeze = freeze
        self._ready = 0
        self._frozen = asyncio.Event()

    async def here(self) -> None:
        self._ready += 1
        await self._frozen.wait()

    async def freeze(self, units: int) -> None:
        assert await eventually(lambda: self._ready == units)
        await asyncio.to_thread(self._freeze)
        self._frozen.set()


async def test_every_wait_on_a_stopped_server_ends_within_its_limit(
    private_server: TemporaryServer, owned_url: str, witness: Witness
) -> None:
    frozen = Frozen(private_server.freeze)

    async def at(database: Database, step: Callable[[Session], Awaitable[object]]) -> object:
        async with database.session() as session:
            await write_pair(session, 2 * steps.index(step) + 10)
            await session.flush()
            await frozen.here()
            return await step(session)

    async def connecting(database: Database) -> object:
        await frozen.here()
        async with database.session() as session:
            return await session.exec(select(Note))

    async def reading(database: Database) -> object:
        async with database.reader() as session:
            await session.exec(select(Note))
            await frozen.here()
            return await session.exec(select(Note))

    async def pinging(database: Database) -> object:
        """The connection lies in the pool for longer than it is trusted."""
        return await connecting(database)

    async def healthy(database: Database) -> object:
        await database.check()
        await frozen.here()
        return await database.check()

    async def statement(session: Session) -> object:
        return await session.execute(text("SELECT 1"))

    async def flush(session: Session) -> object:
        session.add(Note(id=7))
        return await session.flush()

    async def large(session: Session) -> object:
        return await session.execute(text(f"SELECT length('{'x' * 8_000_000}')"))

    async def commit(_session: Session) -> object:
        return None

    async def rollback(session: Session) -> object:
        return await session.rollback()

    async def fail(_session: Session) -> object:
        raise ConnectionLost("the unit's own failure")

    steps = (statement, flush, large, commit, rollback, fail)
    asked = STATEMENT + GRACE_SECONDS
    bounds = {
        **{step.__name__: asked for step in steps},
        "rollback": asked,
        "fail": asked,
        "connecting": CONNECT,
        "pinging": 2 * CONNECT,
        "reading": asked,
        "healthy": HEALTH,
    }
    async with (
        impatient(owned_url, pool_size=10) as db,
        impatient(owned_url) as cold,
        impatient(owned_url, idle_check=0) as pinged,
    ):
        await next_unit_works(pinged)
        waits: dict[str, Awaitable[object]] = {step.__name__: at(db, step) for step in steps}
        waits |= {
            "connecting": connecting(cold),
            "pinging": pinging(pinged),
            "reading": reading(db),
            "healthy": healthy(db),
        }
        tasks = {name: asyncio.create_task(work) for name, work in waits.items()}
        await frozen.freeze(len(tasks))
        try:
            ended = dict(zip(tasks, await asyncio.gather(*map(timed, tasks.values())), strict=True))
        finally:
            await asyncio.to_thread(private_server.thaw)
        for name, (_, seconds) in ended.items():
            assert seconds < bounds[name] + SLACK, f"{name} took {seconds:.2f} s"
        answers = {name: type(answer) for name, (answer, _) in ended.items()}
        assert answers["commit"] is CommitUnknown
        assert answers["connecting"] is answers["pinging"] is ConnectionFailed
        assert not ended["healthy"][0]
        for name in ("statement", "flush", "large", "reading"):
            assert issubclass(answers[name], (ConnectionLost, StatementTimeout)), name
        for database in (cold, pinged):
            await next_unit_works(database)
            await database.close()
        await nothing_leaked(db, witness)
        await next_unit_works(db)


async def test_a_refused_connection_fails_at_once_and_heals(
    served_url: str, witness: Witness, proxy: Proxy
) -> None:
    async with open_at(proxy.url(served_url)) as db:
        await next_unit_works(db)
        proxy.refuse()
        proxy.cut()
        for _ in range(2):
            error, seconds = await timed(next_unit_works(db))
            assert isinstance(error, Unavailable)
            assert seconds < 0.5
        health = await db.check()
        assert not health
        assert health.error == ConnectionFailed.code
        await proxy.listen()
        await next_unit_works(db)
        assert await db.check()
        await nothing_leaked(db, witness)


async def test_a_cancelled_unit_on_a_stopped_server_ends_in_time(
    private_server: TemporaryServer, owned_url: str, witness: Witness
) -> None:
    async with impatient(owned_url, statement_timeout=20) as db:

        async def unit() -> None:
            async with db.session() as session:
                await write_pair(session, 1)
                await asyncio.to_thread(private_server.freeze)
                await session.exec(select(Note))

        task = asyncio.create_task(unit())
        try:
            await asyncio.sleep(0.3)
            task.cancel()
            begun = time.monotonic()
            await asyncio.wait([task], timeout=10)
            assert task.cancelled()
            assert time.monotonic() - begun < GRACE_SECONDS + SLACK
        finally:
            await asyncio.to_thread(private_server.thaw)
        await nothing_leaked(db, witness)
        await next_unit_works(db)


async def test_closing_the_database_of_a_stopped_server_ends_in_time(
    private_server: TemporaryServer, owned_url: str
) -> None:
    async with impatient(owned_url) as db:
        await next_unit_works(db)
        await db.check()
        await asyncio.to_thread(private_server.freeze)
        try:
            _, seconds = await timed(asyncio.wait_for(db.close(), 20))
        finally:
            await asyncio.to_thread(private_server.thaw)
        assert seconds < 3 * GRACE_SECONDS + SLACK
        await next_unit_works(db)


async def test_a_connection_too_old_is_replaced_in_time_on_a_stopped_server(
    private_server: TemporaryServer, owned_url: str
) -> None:
    async with impatient(owned_url, pool_size=1, pool_recycle=1) as db:
        await next_unit_works(db)
        await asyncio.sleep(1.1)
        await asyncio.to_thread(private_server.freeze)
        try:
            error, seconds = await timed(next_unit_works(db))
        finally:
            await asyncio.to_thread(private_server.thaw)
        assert isinstance(error, ConnectionFailed)
        assert seconds < GRACE_SECONDS + CONNECT + SLACK
        await next_unit_works(db)
