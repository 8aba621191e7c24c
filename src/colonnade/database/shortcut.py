"""In charge of the shortest way to a reader's rows: the driver's own ``fetch``, without a cursor.

What SQLAlchemy does for each execution costs more than a fast database takes to find a row, and on
SQLite each step of a cursor waits for a thread. A reader's statement stands alone: once SQLAlchemy
has run it, its text, how values are written and how rows are read are known, and the driver can be
asked in one call. Limits and errors stay as they are; where somebody listens to the connection's
statements, they go SQLAlchemy's way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeAlias

from sqlalchemy import Boolean, Connection, Engine, Enum
from sqlalchemy.engine import CursorResult
from sqlalchemy.util import await_only

from colonnade.database.dialect import PLAIN, Dialect
from colonnade.database.garbage import Uncollected
from colonnade.database.rows import Compiled, Prepared, cache_of, compiled_for, execute
from colonnade.scope import values_for

__all__ = ["Rows", "Shortcut", "fail", "fetch", "learn", "shortcut_of"]

Rows: TypeAlias = Sequence[Sequence[Any]]
_Processor: TypeAlias = Callable[[Any], Any]
#: Types of which each value is one of a few, which never change.
_FEW: Final = (Boolean, Enum)


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A statement as the driver takes it."""

    compiled: Any
    text: str
    binds: tuple[tuple[str, _Processor | None], ...]
    fixed: Mapping[str, Any]
    read: Callable[[Rows], Rows] | None

    def values(self, parameters: Mapping[str, Any], scoped: Mapping[str, Any]) -> list[Any]:
        bound = values_for(self.compiled, scoped)
        given = {**self.fixed, **parameters, **bound} if self.fixed or bound else parameters
        return [given[name] if write is None else write(given[name]) for name, write in self.binds]


def shortcut_of(engine: Engine, statement: Prepared, scoped: Mapping[str, Any]) -> Shortcut | None:
    """The shortcut of a statement that has run before."""
    cache = cache_of(engine, scoped)
    found = None if cache is None else cache.get(statement)
    return None if found is None else found.shortcut


def learn(
    connection: Connection,
    statement: Prepared,
    parameters: Mapping[str, Any],
    scoped: Mapping[str, Any],
) -> Rows:
    """Run the statement SQLAlchemy's way and keep what it knows about it."""
    result = execute(connection, statement, parameters, scoped, scoped)
    compiled = compiled_for(connection, statement, scoped)
    cache = cache_of(connection.engine, scoped)
    # Where values are a part of the text, each has a text of its own.
    if cache is not None and not compiled.post_compile_params:
        # In the place of what was compiled: the cache holds so many statements, each once.
        cache[statement] = Compiled(compiled, _shortcut(compiled, result))
    with Uncollected():
        return result.all()


def fetch(
    connection: Connection,
    dialect: Dialect,
    shortcut: Shortcut,
    parameters: Mapping[str, Any],
    scoped: Mapping[str, Any],
) -> Rows:
    """Every row, in SQLAlchemy's greenlet, on a connection in AUTOCOMMIT."""
    driver = connection.connection.driver_connection
    values = shortcut.values(parameters, scoped)
    watchdog = dialect.watchdog
    limit = dialect.limit(PLAIN)
    if limit is not None:
        watchdog.start(driver, limit)
    try:
        rows = await_only(dialect.fetch(driver, shortcut.text, values))
    except BaseException as error:  # noqa: BLE001 # it is raised again, as SQLAlchemy has it
        fail(connection, error, shortcut.text, values)
    finally:
        watchdog.stop(driver)
    if shortcut.read is None:
        return rows
    with Uncollected():
        return shortcut.read(rows)


def _shortcut(compiled: Any, result: CursorResult[Any]) -> Shortcut:
    names = compiled.positiontup
    writers = compiled._bind_processors
    binds = ((name, compiled.binds[name]) for name in names)
    metadata: Any = result._metadata
    return Shortcut(
        compiled,
        compiled.string,
        tuple((name, writers.get(name)) for name in names),
        {name: bind.effective_value for name, bind in binds if not bind.required},
        _reading(metadata._effective_processors, [item.type for item in compiled._result_columns]),
    )


class _Members(dict[Any, Any]):
    """The few values that a column can have, each as it was read the first time."""

    def __init__(self, read: _Processor) -> None:
        self._read = read

    def __missing__(self, stored: Any) -> Any:
        found = self[stored] = self._read(stored)
        return found


def _reading(
    processors: Sequence[_Processor | None] | None, types: Sequence[Any]
) -> Callable[[Rows], Rows] | None:
    """A function that reads rows as the columns' types say, written for these columns."""
    if not processors or not any(processors):
        return None
    names = [f"c{place}" for place in range(len(processors))]
    made = (
        name
        if processor is None
        else (f"p{place}[{name}]" if isinstance(kind, _FEW) else f"p{place}({name})")
        for place, (name, processor, kind) in enumerate(zip(names, processors, types, strict=True))
    )
    code = f"lambda rows: [({', '.join(made)},) for ({', '.join(names)},) in rows]"
    known: dict[str, Any] = {
        f"p{place}": _Members(processor) if processor and isinstance(kind, _FEW) else processor
        for place, (processor, kind) in enumerate(zip(processors, types, strict=True))
    }
    read: Callable[[Rows], Rows] = eval(code, known)
    return read


def fail(connection: Connection, error: BaseException, text: str, values: list[Any]) -> NoReturn:
    """Raise what SQLAlchemy would, with the connection invalidated where it is of no more use."""
    adapted: Any = connection.connection.dbapi_connection
    try:
        if isinstance(error, Exception):
            adapted._handle_exception(error)
        raise error
    except BaseException as adapted_error:  # noqa: BLE001 # it is raised again, as SQLAlchemy has it
        connection._handle_dbapi_exception(adapted_error, text, values, None, None)
