"""Run compiled statements, and know what SQLAlchemy knows of them.

In public a statement is compiled, looked up in a cache and executed in one step, which asks again
each time what was known after the first: 60 µs, more than a fast database takes for a row. What is
used here is the half of that step after the look-up, and what a compiled statement says of its
values and rows, so that a driver can be asked without SQLAlchemy's cursor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any, NoReturn, TypeAlias

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import CursorResult
from sqlalchemy.sql import Executable
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from colonnade._compat.changes import calls, demand, takes

__all__ = [
    "bind_processors_of",
    "check_scoped_execution",
    "compiled_cache_of",
    "execute_compiled",
    "forget_result_columns",
    "has_listeners",
    "logs_statements",
    "raise_adapted",
    "result_types_of",
    "row_processors_of",
    "scoped_context",
    "set_compiled_cache",
]

Processor: TypeAlias = Callable[[Any], Any]


def execute_compiled(
    connection: Connection,
    compiled: Any,
    parameters: Mapping[str, Any],
    options: Mapping[str, Any],
    statement: Executable,
) -> CursorResult[Any]:
    """Execute a compiled statement once, with events of cursors but not of executions.

    ``Connection.execute`` takes a compiled statement too, and drops execution options that are
    handed over with it, which scopes need.
    """
    dialect = connection.dialect
    return connection._execute_context(
        dialect,
        dialect.execution_ctx_cls._init_compiled,
        compiled,
        [parameters],
        connection.get_execution_options().union(options),
        compiled,
        [parameters],
        statement,
        None,
    )


def scoped_context(
    context: type[Any], values_for: Callable[[Any, Mapping[str, Any]], Mapping[str, Any]]
) -> type[Any]:
    """Return an execution context that adds ``values_for(compiled, options)`` to the parameters.

    Tried first: the event ``before_execute``, which sees no compiled statement and which every
    statement would pay for, and ``bindparam(callable_=…)``, which knows no execution options.
    """

    class Scoped(context):  # type: ignore[misc] # the dialect's own
        @classmethod
        def _init_compiled(
            cls,
            dialect: Any,
            connection: Any,
            driver: Any,
            options: Mapping[str, Any],
            compiled: Any,
            parameters: Any,
            *rest: Any,
            **more: Any,
        ) -> Any:
            values = values_for(compiled, options)
            if values:
                parameters = [{**given, **values} for given in parameters] or [dict(values)]
            return super()._init_compiled(
                dialect, connection, driver, options, compiled, parameters, *rest, **more
            )

    Scoped.__name__ = Scoped.__qualname__ = f"Scoped{context.__name__}"
    return Scoped


def check_scoped_execution(compiler: type[Any], context: type[Any]) -> None:
    """Raise ``RuntimeError`` if a dialect's classes lack what puts scopes into statements."""
    first = (
        *("dialect", "connection", "dbapi_connection", "execution_options"),
        *("compiled", "parameters"),
    )
    visits = ("visit_table", "visit_join", "visit_insert", "visit_update", "visit_delete")
    demand(
        "SQLAlchemy",
        "puts scopes into statements by",
        {
            "ExecutionContext._init_compiled": takes(
                getattr(context, "_init_compiled", None), first
            ),
            "Connection._execute_clauseelement (no _init_compiled)": calls(
                getattr(Connection, "_execute_clauseelement", None), "_init_compiled"
            ),
            "SQLCompiler._compose_select_body": hasattr(compiler, "_compose_select_body")
            and calls(getattr(SQLCompiler, "visit_select", None), "_compose_select_body"),
            **{f"SQLCompiler.{name}": hasattr(compiler, name) for name in visits},
        },
    )


def compiled_cache_of(engine: Engine) -> MutableMapping[Any, Any] | None:
    """Return where an engine keeps what it compiled; nothing public says so."""
    return engine._compiled_cache


def set_compiled_cache(engine: Engine, cache: Any) -> None:
    """Have an engine keep what it compiled in another cache.

    Tried first: ``query_cache_size`` of ``create_engine``, which counts statements, and the public
    option ``compiled_cache``, which each connection would show as a wish of the user's.
    """
    engine._compiled_cache = cache


def logs_statements(engine: Engine) -> bool:
    """Return whether an engine writes its statements into the log; ``echo`` is one reason only."""
    return engine._should_log_info()


def has_listeners(connection: Connection) -> bool:
    """Return whether anybody listens for events of this connection or of its engine.

    In public each event would be asked for by itself.
    """
    return bool(connection._has_events)


def bind_processors_of(compiled: Any) -> Mapping[str, Processor]:
    """Return how the values of a compiled statement are written, by the parameter's name."""
    found: Mapping[str, Processor] = compiled._bind_processors
    return found


def row_processors_of(result: CursorResult[Any]) -> Sequence[Processor | None] | None:
    """Return how the columns of a result are read, in their order."""
    metadata: Any = result._metadata
    found: Sequence[Processor | None] | None = metadata._effective_processors
    return found


def result_types_of(compiled: Any) -> list[TypeEngine[Any]]:
    """Return the types of the columns that a compiled statement answers with, in their order."""
    return [item.type for item in compiled._result_columns]


def forget_result_columns(compiler: Any) -> None:
    """Let the rows to come be read as they are: words around a SELECT make another result of it.

    In public a ``TextClause`` would do it, whose text holds no parameters of the SELECT.
    """
    compiler._result_columns.clear()


def raise_adapted(
    connection: Connection, error: BaseException, text: str, values: list[Any]
) -> NoReturn:
    """Raise what SQLAlchemy would, with the connection invalidated where it is of no more use.

    Its knowledge of errors hangs on executions of its own; no public function takes an error.
    """
    adapted: Any = connection.connection.dbapi_connection
    try:
        if isinstance(error, Exception):
            adapted._handle_exception(error)
        raise error
    except BaseException as adapted_error:  # noqa: BLE001 # it is raised again, as SQLAlchemy would
        connection._handle_dbapi_exception(adapted_error, text, values, None, None)
