"""Run prepared SELECTs, and keep them compiled.

A ``PreparedSelect`` is the key of its compiled form in the engine's cache, so that SQLAlchemy need
not compute a key for each execution. ``fetch_rows`` runs one in a session; ``execute_prepared`` and
``compiled_for`` are the steps of that, which ``shortcut`` uses too. The shorter ways are only taken
if nobody listens for the events that they leave out: ``has_orm_listeners`` and
``has_cursor_listeners`` tell.

While rows become objects, ``CollectionPaused`` keeps Python's garbage collector off.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import local
from types import TracebackType
from typing import Any, Final

from sqlalchemy import Connection, Engine, Select
from sqlalchemy.engine import CursorResult, Row
from sqlalchemy.orm import Session
from sqlalchemy.sql import Executable

from colonnade._compat.sqlalchemy_compiled import (
    compiled_cache_of,
    execute_compiled,
    logs_statements,
)
from colonnade._compat.sqlalchemy_session import flush_automatically

__all__ = [
    "CollectionPaused",
    "CompiledSelect",
    "PreparedSelect",
    "cache_of",
    "compiled_for",
    "execute_prepared",
    "fetch_rows",
    "has_cursor_listeners",
    "has_orm_listeners",
]


#: How many listeners for ``do_orm_execute`` a session of ours has from us; more are others'.
_OUR_LISTENERS: Final = 1


class PreparedSelect:
    """A SELECT that runs often; the object itself is its key in an engine's compiled cache."""

    __slots__ = ("__weakref__", "statement")

    def __init__(self, statement: Select[Any]) -> None:
        self.statement = statement


@dataclass(slots=True)
class CompiledSelect:
    """An entry of the compiled cache: a compiled SELECT, and its ``Shortcut`` if it has one."""

    compiled: Any
    shortcut: Any = None

    @property
    def string(self) -> str:
        """The SQL text; the cache limits the total length of the texts that it keeps."""
        return str(self.compiled.string)


def fetch_rows(
    session: Session,
    statement: PreparedSelect | Executable,
    parameters: Mapping[str, Any],
    scoped: Mapping[str, Any],
) -> Sequence[Row[Any]]:
    """Run a SELECT and return all its rows. One statement; call it in SQLAlchemy's greenlet.

    ``scoped`` has the execution options for the session's scopes, with their own cache of compiled
    statements. If others than us listen for ``do_orm_execute``, the statement runs through the ORM.
    """
    plain = statement.statement if isinstance(statement, PreparedSelect) else statement
    if has_orm_listeners(session):
        return session.execute(plain, parameters).all()
    if session.autoflush:
        flush_automatically(session)
    connection = session.connection()
    options = session.execution_options.union(scoped)
    # A listener, or an option for another cache or schema, has to meet the statement itself.
    if not isinstance(statement, PreparedSelect) or _has_compile_listeners(connection):
        result = connection.execute(plain, parameters, execution_options=options)
    else:
        result = execute_prepared(connection, statement, parameters, options, scoped)
    with CollectionPaused():
        return result.all()


def has_orm_listeners(session: Session) -> bool:
    """Return whether others than us listen for ``do_orm_execute`` of the session."""
    return len(session.dispatch.do_orm_execute) > _OUR_LISTENERS


def execute_prepared(
    connection: Connection,
    statement: PreparedSelect,
    parameters: Mapping[str, Any],
    options: Mapping[str, Any],
    scoped: Mapping[str, Any],
) -> CursorResult[Any]:
    """Run a prepared SELECT by its compiled form. One statement."""
    compiled = compiled_for(connection, statement, scoped)
    return execute_compiled(connection, compiled, parameters, options, statement.statement)


def compiled_for(
    connection: Connection, prepared: PreparedSelect, scoped: Mapping[str, Any]
) -> Any:
    """Return the SELECT compiled for the connection's database; compile and keep a new one."""
    cache = cache_of(connection.engine, scoped)
    found = None if cache is None else cache.get(prepared)
    if found is None:
        # The schema map carries the session's scopes to the compiler; see ``scope.compiler``.
        compiled: Any = prepared.statement.compile(
            dialect=connection.dialect, schema_translate_map=scoped.get("schema_translate_map")
        )
        found = CompiledSelect(compiled)
        if cache is not None:
            cache[prepared] = found
    return found.compiled


def cache_of(engine: Engine, scoped: Mapping[str, Any]) -> Any:
    """Return the cache of compiled statements: the scopes' or the engine's own; None if off."""
    return scoped.get("compiled_cache", compiled_cache_of(engine))


def has_cursor_listeners(engine: Engine) -> bool:
    """Return whether anybody sees or changes the statements of an engine's connections."""
    events = engine.dispatch
    return bool(
        logs_statements(engine)
        or events.before_cursor_execute
        or events.after_cursor_execute
        or _has_compile_listeners(engine)
    )


def _has_compile_listeners(engine: Connection | Engine) -> bool:
    """Return whether an option or a listener changes statements before they are compiled."""
    options = engine.get_execution_options()
    events = engine.dispatch
    return bool(
        "schema_translate_map" in options
        or "compiled_cache" in options
        or events.before_execute
        or events.after_execute
    )


class _Depth(local):
    """The number of ``CollectionPaused`` blocks that a thread is in."""

    blocks = 0


_depth: Final = _Depth()


class CollectionPaused:
    """A block without garbage collection, which must not await. A class, since that is faster.

    While thousands of objects are made, of which none is garbage yet, the collector looks through
    all of them again and again, and takes the longer the larger the heap is. After the block it
    looks through them once.

    The collector belongs to the whole process. A block turns it off only if it finds it on, and
    then turns it on at its end. So a process that turned it off for good keeps it off, and blocks
    of several threads can neither leave it off, nor keep it off by taking turns. A block inside of
    another one of the same thread does nothing.
    """

    __slots__ = ("_turned_off",)

    def __enter__(self) -> None:
        self._turned_off = False
        _depth.blocks += 1
        if _depth.blocks == 1 and gc.isenabled():
            # Set before the call: if an interrupt comes between the two, turning on does no harm.
            self._turned_off = True
            try:
                gc.disable()
            except BaseException:
                self.__exit__(None, None, None)
                raise

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self._turned_off:
            gc.enable()
        _depth.blocks -= 1
