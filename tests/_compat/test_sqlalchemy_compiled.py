"""Canaries for what ``colonnade._compat.sqlalchemy_compiled`` hooks into."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    Numeric,
    Table,
    bindparam,
    event,
    select,
    true,
)
from sqlalchemy.exc import OperationalError, SAWarning
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import COLLECT_CARTESIAN_PRODUCTS, WARN_LINTING
from sqlalchemy.sql.elements import Grouping
from sqlalchemy.util import greenlet_spawn

from colonnade._compat.sqlalchemy_compiled import (
    bind_processors_of,
    check_scoped_execution,
    compiled_cache_of,
    execute_compiled,
    forget_result_columns,
    has_listeners,
    logs_statements,
    note_joined,
    raise_adapted,
    result_types_of,
    row_processors_of,
    scoped_context,
    set_compiled_cache,
)

TABLE = Table("t", MetaData(), Column("id", Integer), Column("fee", Numeric(10, 2)))
ASKED = select(TABLE.c.id, TABLE.c.fee).where(TABLE.c.fee >= bindparam("least", type_=Numeric))


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'canary.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(TABLE.metadata.create_all)
        await connection.execute(TABLE.insert(), [{"id": 1, "fee": Decimal("1.5")}])
    yield engine.sync_engine
    await engine.dispose()


async def run(engine: Engine, call: Any) -> Any:
    def use() -> Any:
        with engine.connect() as connection:
            return call(connection)

    return await greenlet_spawn(use)


async def test_a_compiled_statement_runs_once_more_and_says_how_its_values_are_read(
    engine: Engine,
) -> None:
    compiled: Any = ASKED.compile(dialect=engine.dialect)
    seen: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    event.listen(engine, "before_execute", lambda *_: seen.append("before_execute"))

    def ask(connection: Connection) -> Any:
        result = execute_compiled(connection, compiled, {"least": Decimal(1)}, {}, ASKED)
        return row_processors_of(result), result.all()

    processors, rows = await run(engine, ask)
    assert rows == [(1, Decimal("1.50"))]
    assert processors[0] is None
    assert processors[1](1.5) == Decimal("1.50")
    assert bind_processors_of(compiled)["least"](Decimal("1.5")) == 1.5
    assert [type(kind) for kind in result_types_of(compiled)] == [Integer, Numeric]
    assert seen == [compiled.string]


async def test_a_context_adds_values_by_the_options_of_an_execution(engine: Engine) -> None:
    check_scoped_execution(engine.dialect.statement_compiler, engine.dialect.execution_ctx_cls)
    seen: list[Any] = []

    def values_for(compiled: Any, options: Any) -> Any:
        seen.append(compiled)
        return {"least": options["bound"]} if "bound" in options else {}

    engine.dialect.execution_ctx_cls = scoped_context(engine.dialect.execution_ctx_cls, values_for)

    def ask(connection: Connection) -> Any:
        options = {"bound": Decimal(2)}
        return connection.execute(ASKED, {"least": 0}, execution_options=options).all()

    assert await run(engine, ask) == []
    assert await run(engine, lambda item: len(item.execute(ASKED, {"least": 0}).all())) == 1
    assert len(seen) == 2


async def test_an_engine_keeps_what_it_compiled_where_it_is_told(engine: Engine) -> None:
    cache: dict[Any, Any] = {}
    assert compiled_cache_of(engine) is not None
    set_compiled_cache(engine, cache)
    assert compiled_cache_of(engine) is cache
    await run(engine, lambda connection: connection.execute(ASKED, {"least": 0}).all())
    assert [item.string for item in cache.values()] == [str(ASKED.compile(engine))]


async def test_the_log_and_listeners_are_known(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    assert not logs_statements(engine)
    with caplog.at_level(logging.INFO, "sqlalchemy.engine"):
        other = create_async_engine("sqlite+aiosqlite://").sync_engine
        assert logs_statements(other)
    assert not await run(engine, has_listeners)

    def listen(connection: Connection) -> bool:
        event.listen(connection, "before_cursor_execute", lambda *_: None)
        return has_listeners(connection)

    assert await run(engine, listen)


async def test_a_drivers_error_is_raised_as_sqlalchemy_would(engine: Engine) -> None:
    def fail(connection: Connection) -> None:
        driver: Any = connection.connection.driver_connection
        try:
            driver._conn.execute("SELECT no_such_function()")
        except sqlite3.OperationalError as error:
            raise_adapted(connection, error, "SELECT no_such_function()", [])

    with pytest.raises(OperationalError, match="no_such_function"):
        await run(engine, fail)
    with pytest.raises(KeyboardInterrupt):
        await run(engine, lambda item: raise_adapted(item, KeyboardInterrupt(), "SELECT 1", []))


async def test_rows_are_read_as_they_are_once_the_columns_are_forgotten(engine: Engine) -> None:
    compiled: Any = ASKED.compile(dialect=engine.dialect)
    forget_result_columns(compiled)
    rows = await run(
        engine,
        lambda connection: execute_compiled(
            connection, compiled, {"least": Decimal(1)}, {}, ASKED
        ).all(),
    )
    assert [type(value) for value in rows[0]] == [int, float]


def test_tables_that_are_noted_as_joined_are_no_cartesian_product() -> None:
    one, other = (Table(name, MetaData(), Column("id", Integer)) for name in ("one", "other"))

    class Noted(Grouping[bool]):
        inherit_cache = True

    @compiles(Noted)
    def compile_noted(element: Noted, compiler: Any, **options: Any) -> str:
        note_joined(options, one, other)
        return str(compiler.visit_grouping(element, **options))

    def compile_with_warnings(condition: Any) -> None:
        statement = select(one, other).where(condition)
        str(statement.compile(linting=COLLECT_CARTESIAN_PRODUCTS | WARN_LINTING))

    compile_with_warnings(Noted(true()))
    with pytest.warns(SAWarning, match="cartesian product"):
        compile_with_warnings(Grouping(true()))
    note_joined({}, one, other)
