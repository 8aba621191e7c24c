"""Keep the garbage collector away while rows become objects.

It looks at all objects again and again while thousands are made, of which none is garbage yet, and
the larger the heap, the longer that takes. It is put off for a stretch that awaits nothing, and
what the stretch leaves behind is looked at once, afterwards.

The collector belongs to the process, and so do its rules here. Only a block that finds it on turns
it off, and each that did turns it on at its end: whoever turned it off for good finds it so, and
threads with blocks of their own cannot leave it off, nor keep it off by taking turns. Blocks inside
of a block, in the same thread, do nothing.
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


class _Depth(local):
    """How many blocks a thread is in."""

    blocks = 0


_depth: Final = _Depth()


class CollectionPaused:
    """Nothing is collected within the block, which must not await; a class for speed."""

    __slots__ = ("_turned_off",)

    def __enter__(self) -> None:
        self._turned_off = False
        _depth.blocks += 1
        if _depth.blocks == 1 and gc.isenabled():
            # Said before it is done: an interrupt between the two turns on what is on.
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


_OUR_LISTENERS: Final = 1


class PreparedSelect:
    """A SELECT that runs often: its identity is the key under which an engine keeps it compiled."""

    __slots__ = ("__weakref__", "statement")

    def __init__(self, statement: Select[Any]) -> None:
        self.statement = statement


@dataclass(slots=True)
class CompiledSelect:
    """A compiled SELECT as a cache keeps it, with its shortcut (see that module) if it has one."""

    compiled: Any
    shortcut: Any = None

    @property
    def string(self) -> str:
        """The SQL text, by whose length the cache weighs it."""
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
    if not isinstance(statement, PreparedSelect) or _has_compile_listeners(connection):
        result = connection.execute(plain, parameters, execution_options=options)
    else:
        result = execute_prepared(connection, statement, parameters, options, scoped)
    with CollectionPaused():
        return result.all()


def has_orm_listeners(session: Session) -> bool:
    """Whether somebody listens for what the session executes."""
    return len(session.dispatch.do_orm_execute) > _OUR_LISTENERS


def execute_prepared(
    connection: Connection,
    statement: PreparedSelect,
    parameters: Mapping[str, Any],
    options: Mapping[str, Any],
    scoped: Mapping[str, Any],
) -> CursorResult[Any]:
    """Run a prepared SELECT without computing its cache key and looking for its text again."""
    compiled = compiled_for(connection, statement, scoped)
    return execute_compiled(connection, compiled, parameters, options, statement.statement)


def compiled_for(
    connection: Connection, prepared: PreparedSelect, scoped: Mapping[str, Any]
) -> Any:
    """Return the SELECT compiled for the connection's database; compile and keep a new one."""
    cache = cache_of(connection.engine, scoped)
    found = None if cache is None else cache.get(prepared)
    if found is None:
        compiled: Any = prepared.statement.compile(
            dialect=connection.dialect, schema_translate_map=scoped.get("schema_translate_map")
        )
        found = CompiledSelect(compiled)
        if cache is not None:
            cache[prepared] = found
    return found.compiled


def cache_of(engine: Engine, scoped: Mapping[str, Any]) -> Any:
    """Where what was compiled is kept: the engine's own cache or that of the scopes, or None."""
    return scoped.get("compiled_cache", compiled_cache_of(engine))


def has_cursor_listeners(engine: Engine) -> bool:
    """Whether somebody sees or changes the statements of an engine's connections."""
    events = engine.dispatch
    return bool(
        logs_statements(engine)
        or events.before_cursor_execute
        or events.after_cursor_execute
        or _has_compile_listeners(engine)
    )


def _has_compile_listeners(engine: Connection | Engine) -> bool:
    """Whether something sees or changes a statement before it is compiled."""
    options = engine.get_execution_options()
    events = engine.dispatch
    return bool(
        "schema_translate_map" in options
        or "compiled_cache" in options
        or events.before_execute
        or events.after_execute
    )
