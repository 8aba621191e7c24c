"""Everything inside is undone, whatever the code under test commits."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from colonnade.database import Database
from colonnade.errors import UniqueViolation
from colonnade.session.session import Session
from colonnade.testing import rolled_back

COUNT = text("SELECT count(*) FROM note")


@pytest.fixture
async def table(database: Database) -> None:
    async with database.session() as session:
        await session.execute(text("CREATE TABLE note (id INTEGER PRIMARY KEY)"))


async def add(session: Session, number: int) -> None:
    await session.execute(text("INSERT INTO note (id) VALUES (:id)"), {"id": number})


async def count(database: Database) -> int:
    async with database.reader() as reader:
        return int((await reader.execute(COUNT)).scalar_one())


async def test_what_a_unit_commits_is_undone(database: Database, table: None) -> None:
    async with rolled_back(database):
        async with database.session() as session:
            await add(session, 1)
        async with database.session() as session:
            await add(session, 2)
        assert await count(database) == 2
    assert await count(database) == 0


async def test_a_reader_sees_what_is_not_committed(database: Database, table: None) -> None:
    async with rolled_back(database), database.session() as session:
        await add(session, 1)
        assert await count(database) == 1


async def test_run_commits_into_the_outer_transaction(database: Database, table: None) -> None:
    async with rolled_back(database):
        await database.run(lambda session: add(session, 1))
        assert await count(database) == 1
    assert await count(database) == 0


async def test_a_failed_unit_undoes_its_own_work_only(database: Database, table: None) -> None:
    async def twice(session: Session) -> None:
        await add(session, 2)
        await add(session, 1)

    async with rolled_back(database):
        async with database.session() as session:
            await add(session, 1)
        with pytest.raises(UniqueViolation):
            await database.run(twice)
        assert await count(database) == 1
        async with database.session() as session:
            await add(session, 3)
        assert await count(database) == 2
    assert await count(database) == 0


async def test_callbacks_run_after_the_inner_commit(database: Database, table: None) -> None:
    called: list[str] = []
    async with rolled_back(database):
        async with database.session() as session:
            await add(session, 1)
            session.on_commit(lambda: called.append("committed"))
        assert called == ["committed"]


async def test_tasks_started_inside_are_undone_too(database: Database, table: None) -> None:
    async def work() -> None:
        async with database.session() as session:
            await add(session, 1)

    async with rolled_back(database):
        await asyncio.create_task(work())
        assert await count(database) == 1
    assert await count(database) == 0


async def test_everything_is_undone_when_the_test_fails(database: Database, table: None) -> None:
    async def failing() -> None:
        async with rolled_back(database):
            await database.run(lambda session: add(session, 1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await failing()
    assert await count(database) == 0


async def test_the_connection_goes_back_to_the_pool(database: Database, table: None) -> None:
    async with rolled_back(database):
        await database.run(lambda session: add(session, 1))
    assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined] # QueuePool has it


async def test_the_fixture_session_sees_what_other_sessions_commit(
    colonnade_db: Database, session: Session
) -> None:
    await session.execute(text("SELECT 1"))
    async with colonnade_db.session() as other:
        first = await session.connection()
        second = await other.connection()
        assert first.sync_connection is second.sync_connection
