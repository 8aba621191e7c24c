# ruff: noqa: PT012  # what raises is a unit of work as a whole, which has more than one line
from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, text, update
from sqlmodel import select
from tests.shop import Base, Team

from colonnade.database import Database
from colonnade.errors import ConnectionFailed, ReadOnlySession
from colonnade.session.reader import Reader
from colonnade.session.session import Session


@pytest.fixture
async def filled(db: Database) -> Database:
    async with db.session() as session:
        session.add(Team(name="a"))
    return db


async def test_postgresql_is_sent_neither_begin_nor_rollback(postgresql_url: str) -> None:
    sent: list[str] = []

    async def listened(session: Session) -> None:
        raw = await (await session.connection()).get_raw_connection()
        driver: Any = raw.driver_connection
        # asyncpg logs what has no prepared statement: all that begins and ends a transaction.
        driver.add_query_logger(lambda record: sent.append(record.query))
        for number in range(3):
            assert await session.scalar(text(f"SELECT {number}")) == number

    async with Database(postgresql_url) as db:
        async with db.reader() as reader:
            await listened(reader)
            await reader.rollback()
        await asyncio.sleep(0)
        assert sent == []
        async with db.session() as session:
            await listened(session)
        await asyncio.sleep(0)
        assert sent == ["BEGIN;", "COMMIT;"]


async def test_mariadb_is_sent_neither_begin_nor_rollback(mariadb_url: str) -> None:
    counters = text(
        "SELECT sum(variable_value) FROM information_schema.session_status WHERE variable_name "
        "IN ('COM_BEGIN', 'COM_COMMIT', 'COM_ROLLBACK', 'COM_SAVEPOINT')"
    )
    async with Database(mariadb_url, reader_pool_size=1) as db:
        seen = []
        for _ in range(3):
            async with db.reader() as session:
                await session.execute(text("SELECT 1"))
                seen.append(await session.scalar(counters))
        assert seen[0] == seen[1] == seen[2]


async def test_sqlite_is_sent_neither_begin_nor_rollback(sqlite_url: str) -> None:
    sent: list[str] = []
    async with Database(sqlite_url, reader_pool_size=1) as db:
        async with db.reader() as session:
            connection = await session.connection()
            raw = await connection.get_raw_connection()
            driver: Any = raw.driver_connection
            await driver.set_trace_callback(sent.append)
        async with db.reader() as session:
            await session.execute(text("SELECT 1"))
            assert not driver.in_transaction
        async with db.reader() as session:
            await session.execute(text("SELECT 2"))
    assert sent == ["SELECT 1", "SELECT 2"]


async def test_a_reader_works_while_a_unit_holds_sqlites_write_lock(sqlite_url: str) -> None:
    async with Database(sqlite_url, metadata=Base.metadata, lock_timeout=0.2) as db:
        await db.create_all()
        async with db.session() as session:
            session.add(Team(name="a"))
            await session.flush()
            async with db.reader() as reader:
                assert (await reader.exec(select(Team))).all() == []
        async with db.reader() as reader:
            team = (await reader.exec(select(Team))).one()
            async with db.session() as session:
                session.add(Team(name="b"))
            assert team.name == "a"


WRITES: dict[str, Callable[[Reader], Any]] = {
    "add": lambda session: session.add(Team(name="b")),
    "add_all": lambda session: session.add_all([Team(name="b")]),
    "flush": lambda session: session.flush(),
    "commit": lambda session: session.commit(),
    "delete": lambda session: session.delete(Team(id=1, name="a")),
    "delete_all": lambda session: session.delete_all([Team(id=1, name="a")]),
    "merge": lambda session: session.merge(Team(id=1, name="b")),
    "merge_all": lambda session: session.merge_all([Team(id=1, name="b")]),
    "bulk insert": lambda session: session.execute(insert(Team).values(name="b")),
    "bulk update": lambda session: session.execute(update(Team).values(name="b")),
    "bulk delete": lambda session: session.execute(delete(Team)),
    "raw SQL": lambda session: session.execute(text("UPDATE team SET name = 'b'")),
    "raw DDL": lambda session: session.execute(text("CREATE TABLE other (id int)")),
    "flush in run_sync": lambda session: session.run_sync(in_run_sync),
    "dirty object": lambda session: dirty(session),
}


def in_run_sync(sync: Any) -> None:
    sync.add(Team(name="b"))
    sync.flush()


async def dirty(session: Reader) -> None:
    team = (await session.exec(select(Team))).one()
    team.name = "b"
    async with session.begin_nested():
        pass


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("snapshot", [False, True])
async def test_a_reader_cannot_write(filled: Database, write: str, snapshot: bool) -> None:
    with pytest.raises(ReadOnlySession) as caught:
        async with filled.reader(snapshot=snapshot) as session:
            outcome = WRITES[write](session)
            if outcome is not None:
                await outcome
    assert "db.session()" in str(caught.value.hint)
    async with filled.session() as session:
        assert (await session.exec(select(Team.name))).all() == ["a"]
        session.add(Team(name="the next unit writes"))


async def test_reading_again_refreshes_what_was_read(filled: Database) -> None:
    async with filled.reader() as session:
        team = (await session.exec(select(Team))).one()
        async with filled.session() as other:
            (await other.get_one(Team, 1)).name = "b"
        assert team.name == "a"
        assert (await session.exec(select(Team))).one() is team
        assert team.name == "b"


async def test_a_snapshot_sees_one_picture_while_others_commit(filled: Database) -> None:
    count = select(func.count()).select_from(Team)
    async with filled.reader(snapshot=True) as snapshot, filled.reader() as reader:
        assert (await snapshot.exec(count)).one() == 1
        async with filled.session() as other:
            other.add(Team(name="b"))
            (await other.get_one(Team, 1)).name = "changed"
        assert (await reader.exec(count)).one() == 2
        assert (await snapshot.exec(count)).one() == 1
        assert (await snapshot.exec(select(Team.name))).one() == "a"
    async with filled.reader(snapshot=True) as snapshot:
        assert (await snapshot.exec(count)).one() == 2


async def test_a_plain_reader_after_a_snapshot_is_plain_again(
    make: Callable[..., Database],
) -> None:
    db = make(reader_pool_size=1)
    count = select(func.count()).select_from(Team)
    for _ in range(2):
        async with db.reader(snapshot=True) as session:
            await session.exec(count)
        async with db.reader() as session:
            before = (await session.exec(count)).one()
            async with db.session() as other:
                other.add(Team(name=f"team {before}"))
            assert (await session.exec(count)).one() == before + 1


@pytest.mark.parametrize("snapshot", [False, True])
async def test_a_reader_that_fails_gives_its_place_back(filled: Database, snapshot: bool) -> None:
    for _ in range(3):
        with pytest.raises(KeyError):
            async with filled.reader(snapshot=snapshot) as session:
                await session.exec(select(Team))
                raise KeyError
    status = filled.pool()
    assert status.readers is not None
    assert status.readers.in_use == 0


async def test_the_reader_url_leads_to_another_database(sqlite_url: str, tmp_path: Any) -> None:
    other = f"sqlite:///{tmp_path / 'replica.db'}"
    async with Database(other, metadata=Base.metadata) as replica:
        await replica.create_all()
        async with replica.session() as session:
            session.add(Team(name="replica"))
    async with Database(sqlite_url, reader_url=other, metadata=Base.metadata) as db:
        await db.create_all()
        async with db.session() as session:
            assert (await session.exec(select(Team))).all() == []
        async with db.reader() as reader:
            assert (await reader.exec(select(Team.name))).all() == ["replica"]


async def test_a_reader_of_a_database_that_is_away_says_so(sqlite_url: str) -> None:
    away = "postgresql://postgres@127.0.0.1:1/nowhere"
    async with Database(sqlite_url, reader_url=away) as db:
        with pytest.raises(ConnectionFailed):
            async with db.reader() as session:
                await session.execute(text("SELECT 1"))
        async with db.session() as session:
            assert await session.scalar(text("SELECT 1")) == 1
