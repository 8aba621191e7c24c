"""Execute compiled statements, and read what SQLAlchemy knows about them.

The public ``execute`` compiles a statement, looks it up in a cache and executes it, all in one
step. The look-up takes 60 µs each time, more than a fast database takes for a row. Used here are
the part of that step after the look-up, and what a compiled statement knows about its values and
its rows, so that the driver can be called without SQLAlchemy's cursor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any, NoReturn, TypeAlias

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import CursorResult
from sqlalchemy.sql import Executable
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from colonnade._compat.changes import calls_function, demand_hooks, takes_parameters

__all__ = [
    "bind_processors_of",
    "check_scoped_execution",
    "compiled_cache_of",
    "execute_compiled",
    "forget_result_columns",
    "has_listeners",
    "logs_statements",
    "note_joined",
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
    """Execute a compiled statement once, with the events of cursors but not of executions.

    The public ``Connection.execute`` takes a compiled statement too, but ignores the execution
    options of the call, which scopes need.
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
    """Return a subclass that adds ``values_for(compiled, options)`` to the parameters.

    Tried first: the event ``before_execute``, which gets no compiled statement and slows down every
    statement, and ``bindparam(callable_=…)``, which gets no execution options.
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
    """Raise ``RuntimeError`` if SQLAlchemy lacks a method that puts scopes into statements."""
    first = (
        *("dialect", "connection", "dbapi_connection", "execution_options"),
        *("compiled", "parameters"),
    )
    visits = ("visit_table", "visit_join", "visit_insert", "visit_update", "visit_delete")
    demand_hooks(
        "SQLAlchemy",
        "puts scopes into statements by",
        {
            "ExecutionContext._init_compiled": takes_parameters(
                getattr(context, "_init_compiled", None), first
            ),
            "Connection._execute_clauseelement (no _init_compiled)": calls_function(
                getattr(Connection, "_execute_clauseelement", None), "_init_compiled"
            ),
            "SQLCompiler._compose_select_body": hasattr(compiler, "_compose_select_body")
            and calls_function(getattr(SQLCompiler, "visit_select", None), "_compose_select_body"),
            **{f"SQLCompiler.{name}": hasattr(compiler, name) for name in visits},
        },
    )


def compiled_cache_of(engine: Engine) -> MutableMapping[Any, Any] | None:
    """Return the engine's cache of compiled statements, for which there is no public name."""
    return engine._compiled_cache


def set_compiled_cache(engine: Engine, cache: Any) -> None:
    """Replace the engine's cache of compiled statements.

    Tried first: ``query_cache_size`` of ``create_engine``, which limits the number of statements
    only, and the public option ``compiled_cache``, which would look like one set by the user.
    """
    engine._compiled_cache = cache


def logs_statements(engine: Engine) -> bool:
    """Return whether an engine logs its statements, because of ``echo`` or of a logger's level."""
    return engine._should_log_info()


def has_listeners(connection: Connection) -> bool:
    """Return whether anybody listens for events of this connection or of its engine.

    In public every event would have to be checked by itself.
    """
    return bool(connection._has_events)


def bind_processors_of(compiled: Any) -> Mapping[str, Processor]:
    """Return the functions that convert a compiled statement's values, by parameter names."""
    found: Mapping[str, Processor] = compiled._bind_processors
    return found


def row_processors_of(result: CursorResult[Any]) -> Sequence[Processor | None] | None:
    """Return the functions that convert the columns of a result, in their order, or None."""
    metadata: Any = result._metadata
    found: Sequence[Processor | None] | None = metadata._effective_processors
    return found


def result_types_of(compiled: Any) -> list[TypeEngine[Any]]:
    """Return the types of the columns that a compiled statement returns, in their order."""
    return [item.type for item in compiled._result_columns]


def forget_result_columns(compiler: Any) -> None:
    """Forget a SELECT's columns, so that rows are returned as the driver returns them.

    Text around a SELECT, such as EXPLAIN, changes its result. A public ``TextClause`` has such
    rows too, but cannot hold the parameters of the SELECT.
    """
    compiler._result_columns.clear()


def raise_adapted(
    connection: Connection, error: BaseException, text: str, values: list[Any]
) -> NoReturn:
    """Raise what SQLAlchemy would raise for a driver's error; invalidate a broken connection.

    SQLAlchemy handles errors of its own executions only; no public function takes an error.
    """
    adapted: Any = connection.connection.dbapi_connection
    try:
        if isinstance(error, Exception):
            adapted._handle_exception(error)
        raise error
    except BaseException as adapted_error:  # noqa: BLE001 # it is raised again, as SQLAlchemy would
        connection._handle_dbapi_exception(adapted_error, text, values, None, None)


def note_joined(options: Mapping[str, Any], one: Any, other: Any) -> None:
    """Tell the compiler, by the options that it hands on, that a condition ties two tables.

    It warns of tables that nothing ties. In public one can only turn that off for all statements.
    """
    linter = options.get("from_linter")
    if linter is not None:
        linter.edges.add((one, other))
