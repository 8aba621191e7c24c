"""Run an SQLite statement in one call of aiosqlite's thread.

SQLAlchemy's cursor awaits the thread four times for a statement: to open a cursor, execute, fetch
and close, 40 to 50 µs each. All of it can be done in one call. No public way leads there: the
cursor's class is an attribute of SQLAlchemy's adapted connection, and the calls are aiosqlite's
own queue. Cursors of the server side, which rows are streamed through, stay SQLAlchemy's.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any, Final

from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
)

__all__ = [
    "connection_of",
    "cursor_of",
    "queue_call",
    "run_after_statements",
    "use_single_call_cursors",
]

#: The attribute of aiosqlite's connection that has what is called after each statement.
_AFTER: Final = "colonnade_after_statement"


def use_single_call_cursors(adapted: Any) -> None:
    """Give a new connection of SQLAlchemy's these cursors; raise ``TypeError`` if it is another.

    SQLAlchemy makes the connection itself, so its class is exchanged for one that has the same
    attributes and another class for its cursors.
    """
    if type(adapted) is not AsyncAdapt_aiosqlite_connection:
        raise TypeError(
            f"SQLAlchemy's connection is a {type(adapted).__name__}, which Colonnade does not know"
        )
    adapted.__class__ = _Connection


def run_after_statements(driver: Any, call: Callable[[Any], None]) -> None:
    """Call ``call(driver)`` after each statement of these cursors, a failed or cancelled one too.

    It runs in the event loop and must not await. SQLAlchemy's own events say nothing of a COMMIT
    that is a statement's text, nor of a failure on which SQLite rolls back by itself.
    """
    setattr(driver, _AFTER, call)


def connection_of(driver: Any) -> sqlite3.Connection | None:
    """Return SQLite's connection, or None where it is closed; to ask it what needs no thread.

    aiosqlite has no public name for it, and its ``interrupt`` waits for the thread that it is to
    interrupt.
    """
    connection: sqlite3.Connection | None = driver._connection
    return connection


def cursor_of(adapted: Any) -> sqlite3.Cursor | None:
    """Return SQLite's cursor of one of SQLAlchemy's, or None if there is none any more."""
    return getattr(getattr(adapted, "_cursor", None), "_cursor", None)


def queue_call(driver: Any, call: Callable[[], object]) -> None:
    """Have a connection's thread call this next, and nobody wait for it.

    aiosqlite's own calls are awaited, and a task that is cancelled once more would take its call
    out of the queue: what it left running would hold its locks until the process ends.
    """
    driver._tx.put_nowait((None, call))


class _FinishedCursor:
    """What is known of a statement that is over and of which all rows were fetched."""

    __slots__ = ("arraysize", "description", "lastrowid", "rowcount")

    def __init__(self) -> None:
        self.arraysize = 1
        self.description: Any = None
        self.lastrowid: int | None = None
        self.rowcount = -1

    async def close(self) -> None:
        """Do nothing: SQLite's cursor was closed in the call that opened it."""


class _Cursor(AsyncAdapt_aiosqlite_cursor):
    """A cursor that opens, executes, fetches and closes in one call of the thread."""

    __slots__ = ()

    def _make_new_cursor(self, connection: Any) -> Any:
        return _FinishedCursor()

    def _aenter_cursor(self, cursor: Any) -> Any:
        return cursor

    async def _execute_async(self, operation: Any, parameters: Any) -> Any:
        await self._run(lambda cursor: cursor.execute(operation, parameters or ()))

    async def _executemany_async(self, operation: Any, seq_of_parameters: Any) -> Any:
        await self._run(lambda cursor: cursor.executemany(operation, seq_of_parameters))

    async def _run(self, call: Callable[[sqlite3.Cursor], object]) -> None:
        driver: Any = self._connection
        finished: Any = self._cursor

        def run() -> Sequence[Any]:
            with closing(driver._conn.cursor()) as cursor:
                call(cursor)
                rows = cursor.fetchall() if cursor.description else ()
                finished.description, finished.rowcount = cursor.description, cursor.rowcount
                finished.lastrowid = cursor.lastrowid
                return rows

        async with self._adapt_connection._execute_mutex:
            try:
                self._rows = deque(await driver._execute(run))
            finally:
                after = getattr(driver, _AFTER, None)
                if after is not None:
                    after(driver)


class _Connection(AsyncAdapt_aiosqlite_connection):
    """SQLAlchemy's connection, with these cursors."""

    __slots__ = ()
    _cursor_cls = _Cursor
