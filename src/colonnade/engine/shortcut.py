"""Read rows by one call of the driver, without a cursor of SQLAlchemy's.

SQLAlchemy's work for an execution costs more time than a fast database takes to find a row, and on
SQLite each step of a cursor waits for a thread. A statement of a reader needs nothing before or
after it. So the first execution goes through SQLAlchemy, which leaves a ``Shortcut`` in the
compiled cache: the SQL text, how values are converted for the driver, and how rows are converted
back. With it ``fetch_through`` calls the driver directly. Time limits and errors are the same. If
anybody listens for events of the connection's statements, the shortcut is not used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from sqlalchemy import Boolean, Connection, Engine, Enum
from sqlalchemy.engine import CursorResult
from sqlalchemy.types import TypeEngine
from sqlalchemy.util import await_only

from colonnade._compat.sqlalchemy_compiled import (
    bind_processors_of,
    raise_adapted,
    result_types_of,
    row_processors_of,
)
from colonnade.dialects.dialect import PLAIN_UNIT, Dialect, watchdog_of
from colonnade.engine.rows import (
    CollectionPaused,
    CompiledSelect,
    PreparedSelect,
    cache_of,
    compiled_for,
    execute_prepared,
)
from colonnade.scope import values_for

__all__ = ["Rows", "Shortcut", "execute_and_cache", "fetch_through", "shortcut_of"]

Rows: TypeAlias = Sequence[Sequence[Any]]
_Processor: TypeAlias = Callable[[Any], Any]
#: The attribute of a column type of ours whose values are a few constants (see there).
_CONSTANT: Final = "reads_constants"


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A compiled SELECT, with the conversion of its values and of its rows."""

    compiled: Any
    text: str
    binds: tuple[tuple[str, _Processor | None], ...]
    #: The values that are part of the statement: those that never change, and the functions that
    #: are called for a value at each execution (``bindparam(callable_=…)``).
    fixed: Mapping[str, Any]
    asked: Mapping[str, Callable[[], Any]]
    read: Callable[[Rows], Rows] | None

    def values(self, parameters: Mapping[str, Any], scoped: Mapping[str, Any]) -> list[Any]:
        """Return the values of one execution, in the driver's order and converted for it."""
        given: Mapping[str, Any] = parameters
        bound = values_for(self.compiled, scoped)
        if self.fixed or bound or self.asked:
            asked = {name: ask() for name, ask in self.asked.items() if name not in parameters}
            given = {**self.fixed, **asked, **parameters, **bound}
        return [given[name] if write is None else write(given[name]) for name, write in self.binds]


def shortcut_of(
    engine: Engine, statement: PreparedSelect, scoped: Mapping[str, Any]
) -> Shortcut | None:
    """Return the shortcut of a statement; None if ``execute_and_cache`` has not run it yet."""
    cache = cache_of(engine, scoped)
    found = None if cache is None else cache.get(statement)
    return None if found is None else found.shortcut


def execute_and_cache(
    connection: Connection,
    statement: PreparedSelect,
    parameters: Mapping[str, Any],
    scoped: Mapping[str, Any],
) -> Rows:
    """Run the statement through SQLAlchemy, put its shortcut into the cache, return its rows."""
    result = execute_prepared(connection, statement, parameters, scoped, scoped)
    compiled = compiled_for(connection, statement, scoped)
    cache = cache_of(connection.engine, scoped)
    # No shortcut if values are part of the text (``in_`` of a list): each execution has its own.
    if cache is not None and not compiled.post_compile_params:
        # It replaces the entry without a shortcut under the same key, so the cache does not grow.
        cache[statement] = CompiledSelect(compiled, _make_shortcut(compiled, result))
    with CollectionPaused():
        return result.all()


def fetch_through(
    connection: Connection,
    dialect: Dialect,
    shortcut: Shortcut,
    parameters: Mapping[str, Any],
    scoped: Mapping[str, Any],
) -> Rows:
    """Return every row, over a connection in AUTOCOMMIT; call it in SQLAlchemy's greenlet.

    One statement, within the dialect's limit. Raises what SQLAlchemy itself would.
    """
    driver = connection.connection.driver_connection
    values = shortcut.values(parameters, scoped)
    watchdog = watchdog_of(connection.engine)
    limit = dialect.statement_limit(PLAIN_UNIT)
    if limit is not None:
        watchdog.start(driver, limit)
    try:
        rows = await_only(dialect.fetch(driver, shortcut.text, values))
    except BaseException as error:  # noqa: BLE001 # it is raised again, as SQLAlchemy would
        raise_adapted(connection, error, shortcut.text, values)
    finally:
        watchdog.stop(driver)
    if shortcut.read is None:
        return rows
    with CollectionPaused():
        return shortcut.read(rows)


def _make_shortcut(compiled: Any, result: CursorResult[Any]) -> Shortcut:
    """Return the shortcut of a statement, by what SQLAlchemy knows after its first execution."""
    names = compiled.positiontup
    writers = bind_processors_of(compiled)
    own = {name: bind for name in names if not (bind := compiled.binds[name]).required}
    return Shortcut(
        compiled,
        compiled.string,
        tuple((name, writers.get(name)) for name in names),
        {name: bind.value for name, bind in own.items() if bind.callable is None},
        {name: bind.callable for name, bind in own.items() if bind.callable is not None},
        _compile_reader(row_processors_of(result), result_types_of(compiled)),
    )


class _ConstantReader(dict[Any, Any]):
    """A cache of a column's few values: from what the driver returns to the converted value."""

    def __init__(self, read: _Processor) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, stored: Any) -> Any:
        found = self[stored] = self._read(stored)
        return found


def _reads_constants(kind: TypeEngine[Any]) -> bool:
    """Return whether a type converts the same stored value to the same immutable object each time.

    Booleans and enums do. A subclass of them in somebody else's code need not.
    """
    if isinstance(kind, Boolean | Enum):
        return type(kind).__module__.startswith("sqlalchemy.")
    return bool(getattr(kind, _CONSTANT, False))


def _compile_reader(
    processors: Sequence[_Processor | None] | None, types: Sequence[TypeEngine[Any]]
) -> Callable[[Rows], Rows] | None:
    """Return a function that converts rows by the columns' types; None if no column needs it.

    Its code is generated for these columns: one list comprehension without a loop over columns.
    """
    if not processors or not any(processors):
        return None
    names = [f"c{place}" for place in range(len(processors))]
    known: dict[str, Any] = {}
    made: list[str] = []
    for place, (name, process, kind) in enumerate(zip(names, processors, types, strict=True)):
        if process is None:
            made.append(name)
        elif _reads_constants(kind):
            known[f"p{place}"] = _ConstantReader(process)
            made.append(f"p{place}[{name}]")
        else:
            known[f"p{place}"] = process
            made.append(f"p{place}({name})")
    code = f"lambda rows: [({', '.join(made)},) for ({', '.join(names)},) in rows]"
    read: Callable[[Rows], Rows] = eval(code, known)
    return read
