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
#: The attribute by which a type of ours says that it reads one of a few constants.
_CONSTANT: Final = "reads_constants"


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A statement as the driver takes it."""

    compiled: Any
    text: str
    binds: tuple[tuple[str, _Processor | None], ...]
    #: The values that the statement brings along itself: as they are, and those that are asked for
    #: at each execution, since the answer may be another one (``bindparam(callable_=…)``).
    fixed: Mapping[str, Any]
    asked: Mapping[str, Callable[[], Any]]
    read: Callable[[Rows], Rows] | None

    def values(self, parameters: Mapping[str, Any], scoped: Mapping[str, Any]) -> list[Any]:
        """Return the values of one execution, in the order and the form that the driver takes."""
        given: Mapping[str, Any] = parameters
        bound = values_for(self.compiled, scoped)
        if self.fixed or bound or self.asked:
            asked = {name: ask() for name, ask in self.asked.items() if name not in parameters}
            given = {**self.fixed, **asked, **parameters, **bound}
        return [given[name] if write is None else write(given[name]) for name, write in self.binds]


def shortcut_of(
    engine: Engine, statement: PreparedSelect, scoped: Mapping[str, Any]
) -> Shortcut | None:
    """The shortcut of a statement that has run before."""
    cache = cache_of(engine, scoped)
    found = None if cache is None else cache.get(statement)
    return None if found is None else found.shortcut


def execute_and_cache(
    connection: Connection,
    statement: PreparedSelect,
    parameters: Mapping[str, Any],
    scoped: Mapping[str, Any],
) -> Rows:
    """Run the statement SQLAlchemy's way and keep what it knows about it."""
    result = execute_prepared(connection, statement, parameters, scoped, scoped)
    compiled = compiled_for(connection, statement, scoped)
    cache = cache_of(connection.engine, scoped)
    # Where values are a part of the text, each has a text of its own.
    if cache is not None and not compiled.post_compile_params:
        # In the place of what was compiled: the cache holds so many statements, each once.
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
    """Every row, in SQLAlchemy's greenlet, on a connection in AUTOCOMMIT."""
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
    """What a column's few values are read as, each read once."""

    def __init__(self, read: _Processor) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, stored: Any) -> Any:
        found = self[stored] = self._read(stored)
        return found


def _reads_constants(kind: TypeEngine[Any]) -> bool:
    """Return whether a type reads the same stored value as the same immutable object each time.

    So do booleans and enums; a subclass of somebody else's may read as it likes.
    """
    if isinstance(kind, Boolean | Enum):
        return type(kind).__module__.startswith("sqlalchemy.")
    return bool(getattr(kind, _CONSTANT, False))


def _compile_reader(
    processors: Sequence[_Processor | None] | None, types: Sequence[TypeEngine[Any]]
) -> Callable[[Rows], Rows] | None:
    """Return a function that reads rows as the columns' types say, written for these columns."""
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
