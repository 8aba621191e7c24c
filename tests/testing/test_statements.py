"""The statement counter, on every database."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from colonnade.database import Database
from colonnade.testing import Statements, count_statements
from colonnade.testing.statements import Countable


@pytest.fixture
async def table(database: Database) -> None:
    async with database.session() as session:
        await session.execute(text("CREATE TABLE note (id INTEGER PRIMARY KEY, body VARCHAR(50))"))


INSERT = text("INSERT INTO note (id, body) VALUES (:id, :body)")
COUNT = text("SELECT count(*) FROM note")


async def test_each_execution_counts_as_one(database: Database, table: None) -> None:
    with count_statements(database) as statements:
        async with database.session() as session:
            await session.execute(INSERT, {"id": 1, "body": "secret"})
            await session.execute(COUNT)
    statements.expect(2)
    assert statements.statements[0].startswith("INSERT INTO note")
    assert "secret" not in repr(statements)


async def test_executemany_counts_as_one(database: Database, table: None) -> None:
    with count_statements(database) as statements:
        async with database.session() as session:
            await session.execute(INSERT, [{"id": n, "body": "x"} for n in range(5)])
    statements.expect(1)


async def test_readers_are_counted_with_sessions(database: Database, table: None) -> None:
    with count_statements(database) as statements:
        async with database.reader() as reader:
            await reader.execute(COUNT)
        async with database.session() as session:
            await session.execute(COUNT)
    statements.expect(2)


async def test_a_reader_of_a_connection_taken_before_is_counted(
    database: Database, table: None
) -> None:
    async with database.reader() as reader:
        await reader.execute(COUNT)
        with count_statements(database) as statements:
            await reader.execute(COUNT)
    statements.expect(1)


async def test_savepoints_are_transaction_control(database: Database, table: None) -> None:
    async def work() -> None:
        async with database.session() as session, session.savepoint():
            await session.execute(COUNT)

    with count_statements(database) as plain:
        await work()
    plain.expect(1)
    with count_statements(database, transactions=True) as every:
        await work()
    words = [statement.split()[0].upper() for statement in every.statements]
    assert words == ["BEGIN", "SAVEPOINT", "SELECT", "RELEASE", "COMMIT"]


async def test_a_rollback_is_seen_among_transactions(database: Database, table: None) -> None:
    async def failing() -> None:
        async with database.session() as session:
            await session.execute(COUNT)
            raise ZeroDivisionError

    with count_statements(database, transactions=True) as every, pytest.raises(ZeroDivisionError):
        await failing()
    assert every.statements == ["BEGIN", COUNT.text, "ROLLBACK"]


async def test_nothing_is_counted_after_the_block(database: Database, table: None) -> None:
    with count_statements(database) as statements:
        pass
    async with database.session() as session:
        await session.execute(COUNT)
    statements.expect(0)


async def test_the_listeners_are_gone_after_an_exception(database: Database) -> None:
    def heard() -> int:
        return len(list(database.engine.sync_engine.dispatch.before_cursor_execute))

    before = heard()

    def failing() -> None:
        with count_statements(database, transactions=True):
            assert heard() == before + 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert heard() == before


async def test_anything_with_an_engine_can_be_counted(database: Database, table: None) -> None:
    async with database.session() as session:
        connection = await session.connection()
        assert connection.sync_connection is not None
        targets: list[Countable] = [
            session,
            session.sync_session,
            connection,
            connection.sync_connection,
            database.engine,
            database.engine.sync_engine,
        ]
        for target in targets:
            with count_statements(target) as statements:
                await session.execute(COUNT)
            statements.expect(1)


async def test_blocks_nest(database: Database, table: None) -> None:
    with count_statements(database) as outer:
        async with database.reader() as reader:
            await reader.execute(COUNT)
            with count_statements(database) as inner:
                await reader.execute(COUNT)
    inner.expect(1)
    outer.expect(2)


def test_a_wrong_count_lists_what_was_seen() -> None:
    statements = Statements()
    statements.statements += ["SELECT *\n  FROM hero", "DELETE FROM hero"]
    with pytest.raises(AssertionError) as caught:
        statements.expect(1)
    assert str(caught.value) == (
        "expected 1 statement, saw 2\n  1. SELECT * FROM hero\n  2. DELETE FROM hero"
    )


def test_clearing_counts_from_here() -> None:
    statements = Statements()
    statements.statements.append("SELECT 1")
    statements.clear()
    statements.expect(0)


async def test_the_fixture_counts_the_suites_database(
    colonnade_db: Database, statements: Statements
) -> None:
    async with colonnade_db.reader() as reader:
        await reader.execute(text("SELECT 1"))
    statements.expect(1)
