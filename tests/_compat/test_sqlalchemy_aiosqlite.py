"""Canaries for what ``colonnade._compat.sqlalchemy_aiosqlite`` hooks into."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
from sqlalchemy import event, text
from sqlalchemy.dialects.sqlite import aiosqlite as dialect
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from colonnade._compat.sqlalchemy_aiosqlite import (
    connection_of,
    cursor_of,
    queue_call,
    run_after_statements,
    use_single_call_cursors,
)


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'canary.db'}")

    @event.listens_for(engine.sync_engine, "connect")
    def connect(adapted: Any, _record: Any) -> None:
        use_single_call_cursors(adapted)

    async with engine.begin() as connection:
        await connection.execute(
            text("CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT UNIQUE)")
        )
    yield engine
    await engine.dispose()


async def test_the_adapted_connection_names_its_cursors_class_and_the_driver_its_queue() -> None:
    adapted = dialect.AsyncAdapt_aiosqlite_connection
    assert adapted._cursor_cls is dialect.AsyncAdapt_aiosqlite_cursor
    assert adapted.__slots__ == ()
    for name in ("_make_new_cursor", "_aenter_cursor", "_execute_async", "_executemany_async"):
        assert callable(getattr(dialect.AsyncAdapt_aiosqlite_cursor, name)), name
    assert callable(aiosqlite.Connection._execute)
    assert isinstance(aiosqlite.Connection._conn, property)


async def test_a_statement_calls_the_thread_once(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with engine.connect() as connection:
        raw: Any = await connection.get_raw_connection()
        driver = raw.driver_connection
        calls: list[object] = []
        execute = driver._execute

        async def count(call: Callable[[], object], *rest: object) -> object:
            calls.append(call)
            return await execute(call, *rest)

        monkeypatch.setattr(driver, "_execute", count)
        result = await connection.execute(text("SELECT 1 AS one UNION SELECT 2"))
        assert [tuple(row) for row in result.all()] == [(1,), (2,)]
        assert result.keys() == ["one"]
        assert len(calls) == 1


async def test_what_a_statement_did_is_known_after_it(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        inserted = await connection.execute(text("INSERT INTO thing (name) VALUES ('a')"))
        assert (inserted.lastrowid, inserted.rowcount) == (1, 1)
        many = await connection.execute(
            text("INSERT INTO thing (name) VALUES (:name)"), [{"name": "b"}, {"name": "c"}]
        )
        assert many.rowcount == 2
        returned = await connection.execute(text("DELETE FROM thing WHERE id > 1 RETURNING name"))
        assert sorted(returned.scalars()) == ["b", "c"]


async def test_a_statement_that_fails_leaves_the_connection_in_order(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("INSERT INTO thing (name) VALUES ('a')"))
        with pytest.raises(IntegrityError):
            await connection.execute(text("INSERT INTO thing (name) VALUES ('a')"))
        assert await connection.scalar(text("SELECT count(*) FROM thing")) == 1


async def test_rows_can_still_be_streamed(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        result = await connection.stream(text("SELECT 1 UNION SELECT 2"))
        assert [row[0] async for row in result] == [1, 2]


def test_a_connection_of_another_class_is_refused() -> None:
    with pytest.raises(TypeError, match="object"):
        use_single_call_cursors(object())


async def test_each_statement_is_told_when_it_is_over_whatever_became_of_it(
    engine: AsyncEngine,
) -> None:
    over: list[Any] = []
    async with engine.connect() as connection:
        raw: Any = await connection.get_raw_connection()
        run_after_statements(raw.driver_connection, over.append)
        await connection.execute(text("SELECT 1"))
        with pytest.raises(OperationalError):
            await connection.execute(text("SELECT no_such_function()"))
        assert over == [raw.driver_connection] * 2


async def test_sqlites_own_connection_is_there_as_long_as_it_is_open(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        raw: Any = await connection.get_raw_connection()
        driver = raw.driver_connection
        assert isinstance(connection_of(driver), sqlite3.Connection)
        called = asyncio.Event()
        loop = asyncio.get_running_loop()
        queue_call(driver, lambda: loop.call_soon_threadsafe(called.set))
        await asyncio.wait_for(called.wait(), 5)
    await engine.dispose()
    assert connection_of(driver) is None


async def test_sqlites_own_cursor_of_a_stream_is_found(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        result = await connection.stream(text("SELECT 1 UNION SELECT 2"))
        cursor: Any = result._real_result.cursor
        assert isinstance(cursor_of(cursor), sqlite3.Cursor)
        await result.close()
    assert cursor_of(object()) is None
