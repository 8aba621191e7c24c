"""A place in the pool is held from the first statement to the end of its use, and no longer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy import text
from sqlmodel import select
from tests.shop import Base, Hero, Team

from colonnade import ServiceBase
from colonnade.database import Database
from colonnade.errors import (
    DatabaseError,
    NotLoaded,
    PoolTimeout,
    ReadOnlySession,
    SessionShared,
    StatementCancelled,
)
from colonnade.session.session import Session

Make = Callable[..., Database]
Ask = Callable[[Session], Awaitable[Any]]
TASKS = 12


class TeamRead(BaseModel):
    id: int
    name: str


class Teams(ServiceBase[Team, TeamRead, TeamRead]):
    pass


@pytest.fixture
async def narrow(make: Make) -> Database:
    """A database with one connection for units and one for readers, and a team."""
    db = make(pool_size=1, max_overflow=0, pool_timeout=5)
    async with db.session() as session:
        session.add(Team(name="red", heroes=[Hero(name="Ada")]))
    return db


def out(db: Database) -> tuple[int, int]:
    """How many places units and readers hold."""
    status = db.pool()
    return status.in_use, 0 if status.readers is None else status.readers.in_use


READS: dict[str, Ask] = {
    "get": lambda session: session.get(Team, 1),
    "exec": lambda session: session.exec(select(Team)),
    "columns": lambda session: session.exec(select(Team.name)),
    "execute": lambda session: session.execute(text("SELECT name FROM team")),
    "scalar": lambda session: session.scalar(text("SELECT name FROM team")),
    "scalars": lambda session: session.scalars(select(Team)),
    "run_sync": lambda session: session.run_sync(lambda half: half.get(Team, 1)),
    "service get": lambda session: Teams(session).get(1),
    "service first": lambda session: Teams(session).where(name="red").first(),
    "service all": lambda session: Teams(session).load("heroes").all(),
    "service count": lambda session: Teams(session).count(),
    "into": lambda session: Teams(session).where(id=1).into(TeamRead).one(),
    "page": lambda session: Teams(session).into(TeamRead).page(size=1),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
async def test_readers_that_wait_for_something_else_keep_nobody_waiting(
    narrow: Database, read: Ask
) -> None:
    everybody = asyncio.Barrier(TASKS)

    async def login() -> None:
        async with narrow.reader() as session:
            await read(session)
            await everybody.wait()  # as long as it takes to hash a password
            assert out(narrow) == (0, 0)
            await everybody.wait()
            await read(session)

    await asyncio.wait_for(asyncio.gather(*(login() for _ in range(TASKS))), 20)
    assert out(narrow) == (0, 0)


async def test_units_that_have_not_asked_anything_keep_nobody_waiting(narrow: Database) -> None:
    everybody = asyncio.Barrier(TASKS)

    async def unit(number: int) -> None:
        async with narrow.session() as session:
            session.add(Team(name=f"team {number}"))
            await everybody.wait()
            assert out(narrow) == (0, 0)
            await everybody.wait()

    await asyncio.wait_for(asyncio.gather(*(unit(number) for number in range(TASKS))), 20)
    async with narrow.reader() as session:
        assert await Teams(session).count() == TASKS + 1


async def stream(session: Session) -> Any:
    return [row async for row in await session.stream(select(Team))]


async def batches(session: Session) -> Any:
    return [team async for team in Teams(session).stream()]


async def flush(session: Session) -> None:
    session.add(Team(name="blue"))
    await session.flush()


async def savepoint(session: Session) -> None:
    async with session.savepoint():
        await session.scalar(text("SELECT 1"))


async def begin(session: Session) -> None:
    await session.begin()
    await session.scalar(text("SELECT 1"))


async def merge(session: Session) -> None:
    await session.merge(Team(id=1, name="red"))


async def lock(session: Session) -> None:
    await session.get(Team, 1, with_for_update=True)


async def bulk(session: Session) -> None:
    await session.run_sync(lambda half: half.bulk_insert_mappings(Team, [{"name": "blue"}]))


async def bypass(session: Session) -> None:
    """A way to the connection that passes none of the session's methods."""

    def connect(half: Any) -> None:
        (half.get_transaction() or half.begin()).connection(Team)

    await session.run_sync(connect)


WAYS: dict[str, Ask] = READS | {
    "connection": lambda session: session.connection(),
    "stream": stream,
    "service stream": batches,
    "flush": flush,
    "savepoint": savepoint,
    "begin": begin,
    "merge": merge,
    "lock": lock,
    "bulk": bulk,
    "bypass": bypass,
}


@pytest.mark.parametrize("ask", WAYS.values(), ids=WAYS)
async def test_a_unit_holds_a_place_from_its_first_statement_to_its_end(
    narrow: Database, ask: Ask
) -> None:
    async with narrow.session() as session:
        assert out(narrow) == (0, 0)
        await ask(session)
        assert out(narrow) == (1, 0)
        await ask(session) if ask not in (flush, bulk, begin, bypass) else None
        assert out(narrow) == (1, 0)
    assert out(narrow) == (0, 0)


@pytest.mark.parametrize("end", ["commit", "rollback", "reset"])
async def test_a_place_is_given_back_with_the_transaction(narrow: Database, end: str) -> None:
    async with narrow.session() as session:
        await session.scalar(text("SELECT 1"))
        await getattr(session, end)()
        assert out(narrow) == (0, 0)
        await session.scalar(text("SELECT 1"))
        assert out(narrow) == (1, 0)


async def test_a_block_of_a_session_gives_its_place_back(narrow: Database) -> None:
    async with narrow.session() as session:
        async with session.begin():
            await session.scalar(text("SELECT 1"))
            assert out(narrow) == (1, 0)
        assert out(narrow) == (0, 0)


async def ask_nothing(db: Database, ran: list[tuple[int, int]], *, fail: bool) -> None:
    async with db.session() as session:
        session.on_commit(lambda: ran.append(out(db)))
        if fail:
            raise KeyError


async def test_callbacks_run_after_a_unit_that_asked_nothing(narrow: Database) -> None:
    ran: list[tuple[int, int]] = []
    await ask_nothing(narrow, ran, fail=False)
    with pytest.raises(KeyError):
        await ask_nothing(narrow, ran, fail=True)
    assert ran == [(0, 0)]


async def write(db: Database, *, read_only: bool) -> None:
    async with db.session(read_only=read_only) as session:
        await session.execute(text("INSERT INTO team (name) VALUES ('a')"))
        await session.commit()
        await session.execute(text("INSERT INTO team (name) VALUES ('b')"))


async def test_what_a_unit_asks_for_holds_from_the_first_statement_of_each_transaction(
    narrow: Database,
) -> None:
    with pytest.raises(DatabaseError):
        await write(narrow, read_only=True)
    await write(narrow, read_only=False)
    async with narrow.session(read_only=True) as session:
        assert await Teams(session).count() == 3
        await session.commit()
        with pytest.raises(DatabaseError):
            await session.execute(text("INSERT INTO team (name) VALUES ('c')"))
        await session.rollback()
        assert await Teams(session).count() == 3


# Waiting


async def until_waiting(db: Database) -> None:
    while not db.pool().waiting:  # noqa: ASYNC110  # nobody tells
        await asyncio.sleep(0.001)


async def read_in(db: Database) -> Any:
    async with db.session() as session:
        return await session.scalar(text("SELECT 1"))


async def test_a_first_statement_that_waits_too_long_is_told(make: Make) -> None:
    db = make(pool_size=1, max_overflow=0, pool_timeout=0.05)
    ran: list[int] = []
    async with db.session(read_only=True) as holder:
        await holder.scalar(text("SELECT 1"))

        async def late() -> None:
            async with db.session() as session:
                session.add(Team(name="late"))
                session.on_commit(lambda: ran.append(1))

        with pytest.raises(PoolTimeout):
            await asyncio.create_task(late())
        assert out(db) == (1, 0)
    assert out(db) == (0, 0)
    assert not ran
    assert await read_in(db) == 1


async def test_a_first_statement_that_is_cancelled_while_it_waits_hands_its_turn_on(
    narrow: Database,
) -> None:
    async with narrow.session() as holder:
        await holder.scalar(text("SELECT 1"))
        waiters = [asyncio.create_task(read_in(narrow)) for _ in range(2)]
        await until_waiting(narrow)
        waiters[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiters[0]
    assert await asyncio.wait_for(waiters[1], 5) == 1
    assert out(narrow) == (0, 0)


async def test_a_session_may_be_used_on_after_a_statement_that_found_no_place(make: Make) -> None:
    db = make(pool_size=1, max_overflow=0, pool_timeout=0.05)
    async with db.session() as session:
        async with db.session(read_only=True) as holder:
            await holder.scalar(text("SELECT 1"))
            with pytest.raises(PoolTimeout):
                await asyncio.create_task(session.scalar(text("SELECT 1")))
        assert await session.scalar(text("SELECT 1")) == 1


async def leave_waiting(db: Database, kind: str, tasks: list[asyncio.Task[Any]]) -> None:
    """End a session whose statement waits for a place in another task."""
    async with getattr(db, kind)() as session:
        tasks.append(asyncio.create_task(session.scalar(text("SELECT 1"))))
        while True:
            status = db.pool()
            if status.waiting or (status.readers is not None and status.readers.waiting):
                break
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("kind", ["session", "reader"])
async def test_a_session_that_is_closed_while_it_waits_is_told_at_once(
    narrow: Database, kind: str
) -> None:
    tasks: list[asyncio.Task[Any]] = []
    async with getattr(narrow, kind)() as holder:
        await holder.connection()
        with pytest.raises(SessionShared):
            await leave_waiting(narrow, kind, tasks)
        waiter = tasks.pop()
        with pytest.raises(StatementCancelled, match="waited for a connection"):
            await asyncio.wait_for(waiter, 1)
    assert out(narrow) == (0, 0)


# Readers


async def test_objects_of_a_reader_outlive_its_connection(narrow: Database) -> None:
    async with narrow.reader() as session:
        team = await session.get(Team, 1)
        assert team is not None
        with pytest.raises(NotLoaded):
            _ = team.heroes
        assert (await session.exec(select(Team))).one() is team
        team.name = "renamed in memory"
        hero = (await session.exec(select(Hero))).one()
        assert (team.name, hero.name) == ("renamed in memory", "Ada")
        await session.refresh(team, ["heroes"])
        assert team.heroes == [hero]
        assert out(narrow) == (0, 0)
    assert team.heroes[0].name == "Ada"


async def test_a_readers_statement_that_fails_gives_its_place_back(narrow: Database) -> None:
    async with narrow.reader() as session:
        for _ in range(2):
            with pytest.raises(DatabaseError):
                await session.execute(text("SELECT nothing FROM nowhere"))
            assert out(narrow) == (0, 0)
        with pytest.raises(ReadOnlySession):
            await session.execute(Team.__table__.insert())  # type: ignore[attr-defined]  # a table
        assert out(narrow) == (0, 0)
        assert await Teams(session).count() == 1


async def test_a_reader_keeps_what_it_was_asked_to_keep(narrow: Database) -> None:
    async with narrow.reader() as session:
        await session.connection()
        await session.get(Team, 1)
        assert out(narrow) == (0, 1)
    async with narrow.reader(snapshot=True) as session:
        assert out(narrow) == (0, 0)
        await session.get(Team, 1)
        assert out(narrow) == (0, 1)
        await Teams(session).where(id=1).into(TeamRead).one()
        assert out(narrow) == (0, 1)
    assert out(narrow) == (0, 0)


async def test_a_reader_keeps_its_connection_inside_of_a_block(narrow: Database) -> None:
    async with narrow.reader() as session:
        block = session.begin()
        await block.start()
        await session.get(Team, 1)
        assert out(narrow) == (0, 1)
        await block.rollback()
        assert out(narrow) == (0, 0)


async def test_a_readers_stream_keeps_its_connection_while_it_is_read(narrow: Database) -> None:
    async with narrow.session() as session:
        session.add_all([Team(name=f"team {number}") for number in range(20)])
    async with narrow.reader() as session:
        names = []
        async for team in Teams(session).stream(2):
            names.append(team.name)
            if session.streams:
                assert out(narrow) == (0, 1)
                await session.scalar(text("SELECT 1"))
                assert out(narrow) == (0, 1)
        assert len(names) == 21
        assert out(narrow) == (0, 0)
        async with Teams(session).stream(2) as teams:
            async for _ in teams:
                break
        assert out(narrow) == (0, 0)


async def test_a_stream_of_rows_keeps_its_connection_until_the_next_statement(
    sqlite_url: str,
) -> None:
    """On servers SQLAlchemy's streams want a transaction, which a plain reader has none of."""
    narrow = Database(sqlite_url, metadata=Base.metadata, reader_pool_size=1)
    await narrow.create_all()
    async with narrow, narrow.session() as writer:
        writer.add(Team(name="red"))
    async with narrow, narrow.reader() as session:
        rows = await session.stream_scalars(select(Team.name))
        assert out(narrow) == (0, 1)
        await session.scalar(text("SELECT 1"))
        assert out(narrow) == (0, 1)
        assert await rows.all() == ["red"]
        await session.scalar(text("SELECT 1"))
        assert out(narrow) == (0, 0)


async def test_a_reader_takes_a_connection_again_for_each_statement(make: Make) -> None:
    db = make(reader_pool_size=1)
    async with db.reader() as one, db.reader() as other:
        for session in (one, other) * 3:
            assert (await session.exec(select(Team))).all() == []
        status = db.pool().readers
    assert status is not None
    assert (status.in_use, status.idle, status.waiting) == (0, 1, 0)
