"""Run a SELECT of columns on a session's connection, without the ORM's work for each statement.

For one row that work takes as long as a fast database does. What users can see of it is done here
too: pending changes are flushed, the transaction begins, and the connection's events are called.
If anybody listens for ``do_orm_execute``, the statement runs through the ORM.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from colonnade.database.garbage import Uncollected

__all__ = [
    "Compiled",
    "Prepared",
    "cache_of",
    "compiled_for",
    "execute",
    "fetch_rows",
    "overheard",
    "watched",
]

_OUR_LISTENERS: Final = 1


class Prepared:
    """A SELECT that runs often: its identity is the key under which an engine keeps it compiled."""

    __slots__ = ("__weakref__", "statement")

    def __init__(self, statement: Select[Any]) -> None:
        self.statement = statement


@dataclass(slots=True)
class Compiled:
    """A compiled SELECT as a cache keeps it, with its shortcut (see that module) if it has one."""

    compiled: Any
    shortcut: Any = None

    @property
    def string(self) -> str:
        """The SQL text, by whose length the cache weighs it."""
        return str(self.compiled.string)


def fetch_rows(
    session: Session,
    statement: Prepared | Executable,
    parameters: Mapping[str, Any],
    scoped: Mapping[str, Any],
) -> Sequence[Row[Any]]:
    """Run a SELECT and return all its rows. One statement; call it in SQLAlchemy's greenlet.

    ``scoped`` has the execution options for the session's scopes, with their own cache of compiled
    statements. If others than us listen for ``do_orm_execute``, the statement runs through the ORM.
    """
    plain = statement.statement if isinstance(statement, Prepared) else statement
    if overheard(session):
        return session.execute(plain, parameters).all()
    if session.autoflush:
        flush_automatically(session)
    connection = session.connection()
    options = session.execution_options.union(scoped)
    if not isinstance(statement, Prepared) or _translated(connection):
        result = connection.execute(plain, parameters, execution_options=options)
    else:
        result = execute(connection, statement, parameters, options, scoped)
    with Uncollected():
        return result.all()


def overheard(session: Session) -> bool:
    """Whether somebody listens for what the session executes."""
    return len(session.dispatch.do_orm_execute) > _OUR_LISTENERS


def execute(
    connection: Connection,
    statement: Prepared,
    parameters: Mapping[str, Any],
    options: Mapping[str, Any],
    scoped: Mapping[str, Any],
) -> CursorResult[Any]:
    """Run a prepared SELECT without computing its cache key and looking for its text again."""
    compiled = compiled_for(connection, statement, scoped)
    return execute_compiled(connection, compiled, parameters, options, statement.statement)


def compiled_for(connection: Connection, prepared: Prepared, scoped: Mapping[str, Any]) -> Any:
    """Return the SELECT compiled for the connection's database; compile and keep a new one."""
    cache = cache_of(connection.engine, scoped)
    found = None if cache is None else cache.get(prepared)
    if found is None:
        compiled: Any = prepared.statement.compile(
            dialect=connection.dialect, schema_translate_map=scoped.get("schema_translate_map")
        )
        found = Compiled(compiled)
        if cache is not None:
            cache[prepared] = found
    return found.compiled


def cache_of(engine: Engine, scoped: Mapping[str, Any]) -> Any:
    """Where what was compiled is kept: the engine's own cache or that of the scopes, or None."""
    return scoped.get("compiled_cache", compiled_cache_of(engine))


def watched(engine: Engine) -> bool:
    """Whether somebody sees or changes the statements of an engine's connections."""
    events = engine.dispatch
    return bool(
        logs_statements(engine)
        or events.before_cursor_execute
        or events.after_cursor_execute
        or _translated(engine)
    )


def _translated(engine: Connection | Engine) -> bool:
    """Whether something sees or changes a statement before it is compiled."""
    options = engine.get_execution_options()
    events = engine.dispatch
    return bool(
        "schema_translate_map" in options
        or "compiled_cache" in options
        or events.before_execute
        or events.after_execute
    )
