"""Run an SQLite statement in one call of aiosqlite's thread.

SQLAlchemy's cursor awaits the thread four times for a statement: to open a cursor, execute, fetch
and close, 40 to 50 µs each. One call can do all of it. There is no public way: the cursor's class
is an attribute of SQLAlchemy's adapted connection, and the call goes into aiosqlite's own queue.
Server-side cursors, through which rows are streamed, stay those of SQLAlchemy.
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

#: The attribute of aiosqlite's connection with the function to call after each statement.
_AFTER: Final = "colonnade_after_statement"


def use_single_call_cursors(adapted: Any) -> None:
    """Make a new connection of SQLAlchemy use these cursors. Raise ``TypeError`` for another class.

    SQLAlchemy makes the connection itself, so its class is exchanged for a subclass that differs
    only in the class of its cursors.
    """
    if type(adapted) is not AsyncAdapt_aiosqlite_connection:
        raise TypeError(
            f"SQLAlchemy's connection is a {type(adapted).__name__}, which Colonnade does not know"
        )
    adapted.__class__ = _Connection


def run_after_statements(driver: Any, call: Callable[[Any], None]) -> None:
    """Call ``call(driver)`` after each statement of these cursors, a failed or cancelled one too.

    It runs in the event loop and must not await. SQLAlchemy has no event for a COMMIT that was sent
    as text, nor for a failure on which SQLite rolls back by itself.
    """
    setattr(driver, _AFTER, call)


def connection_of(driver: Any) -> sqlite3.Connection | None:
    """Return the ``sqlite3`` connection, or None if it is closed, for calls that need no thread.

    aiosqlite has no public name for it, and its ``interrupt`` waits for the very thread that should
    be interrupted.
    """
    connection: sqlite3.Connection | None = driver._connection
    return connection


def cursor_of(adapted: Any) -> sqlite3.Cursor | None:
    """Return the ``sqlite3`` cursor of SQLAlchemy's cursor, or None if it is closed."""
    return getattr(getattr(adapted, "_cursor", None), "_cursor", None)


def queue_call(driver: Any, call: Callable[[], object]) -> None:
    """Queue a call for the connection's thread, without waiting for it.

    aiosqlite's own calls are awaited. A second cancellation of the awaiting task would cancel the
    call too, and a statement that still runs would hold its locks until the process ends.
    """
    driver._tx.put_nowait((None, call))


class _FinishedCursor:
    """Stands for the cursor of a statement that has ended and whose rows were all fetched."""

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
    """SQLAlchemy's adapted connection with the cursors of this module."""

    __slots__ = ()
    _cursor_cls = _Cursor
