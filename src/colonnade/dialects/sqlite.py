"""Talk to SQLite through aiosqlite, with foreign keys, WAL and a fair queue of writers.

A unit of work begins with ``BEGIN IMMEDIATE``: a lock that is not free is known before anything is
read, and no update is lost. Units of one process queue for the lock in order (see
``colonnade.engine.write_lock``).
SQLite's own busy handler, which keeps no order, deals with other processes only. The time limit of
a statement, which SQLite lacks, is kept by a watchdog.
"""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote
from weakref import WeakSet

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL

from colonnade._compat.sqlalchemy_aiosqlite import (
    connection_of,
    cursor_of,
    queue_call,
    use_single_call_cursors,
)
from colonnade.dialects.dialect import PLAIN_UNIT, UNIT_OPTION, Dialect, driver_of
from colonnade.settings import Unit

__all__ = ["SQLite"]

_HELD: Final = "colonnade_sqlite_pragmas"
_STREAMING: Final = "colonnade_sqlite_streaming"
#: The errors of a closed connection: that of ``sqlite3``, and that of aiosqlite once it knows.
_CLOSED: Final = (sqlite3.ProgrammingError, ValueError)
#: Milliseconds that stand for "no limit": the largest 32-bit number.
_FOREVER: Final = 2_147_483_647


@dataclasses.dataclass(frozen=True)
class SQLite(Dialect):
    """SQLite through aiosqlite, on a file."""

    has_handshake = False

    def sqlalchemy_url(self) -> URL:
        if not self.address.query:
            return self.address.url
        path = self.address.url.database or ""
        name = path if path.startswith("file:") else f"file:{quote(path)}"
        return self.address.url.set(database=name, query={**self.address.query, "uri": "true"})

    def connect_args(self) -> dict[str, Any]:
        return {"timeout": self._busy_timeout(PLAIN_UNIT) / 1000, "factory": _StoppableConnection}

    def engine_options(self) -> dict[str, Any]:
        """Return no isolation level for units: on SQLite each is serializable already."""
        return super().engine_options() if self.reading else {}

    def add_listeners(self, engine: Engine) -> None:
        event.listen(engine, "connect", self._set_pragmas)
        event.listen(engine, "invalidate", _stop_cancelled)
        event.listen(engine, "checkin", _close_streams)
        _skip_rollback_of_closed(engine)
        if self.reading:
            event.listen(engine, "begin", self._begin_snapshot)
            event.listen(engine, "rollback", _end_reading)

    def is_open(self, driver: Any) -> bool:
        return True

    def in_transaction(self, driver: Any) -> bool:
        try:
            return bool(driver.in_transaction)
        except _CLOSED:
            return False

    @property
    def can_fetch(self) -> bool:
        return self.reading

    async def fetch(self, driver: Any, statement: str, values: Sequence[Any]) -> Sequence[Any]:
        rows: Sequence[Any] = await driver.execute_fetchall(statement, values)
        return rows

    def abort(self, driver: Any) -> None:
        connection = connection_of(driver)
        if connection is not None:
            connection.interrupt()

    def forget_holder(self, connection: Connection) -> None:
        driver = driver_of(connection.connection)
        if not self.reading:
            driver.write_lock.disown(driver)

    def close_without_loop(self, driver: Any) -> None:
        _interrupt_and_undo(driver)
        driver.stop()

    def statement_limit(self, unit: Unit) -> float | None:
        return unit.statement_timeout or self.settings.statement_timeout

    def execution_options(self, unit: Unit) -> Mapping[str, Any]:
        """Return the unit without its isolation level: on SQLite each is serializable already."""
        return {UNIT_OPTION: unit}

    def can_stream(self, *, in_transaction: bool) -> bool:
        return True

    def record_cursor(self, connection: Connection) -> None:
        connection.info[_STREAMING] = True

    def drop_cursor(self, driver: Any, cursor: Any) -> None:
        """Close the cursor: while it is half read, all statements beside it see its snapshot."""
        inner = cursor_of(cursor)
        if inner is not None:
            queue_call(driver, inner.close)

    def _busy_timeout(self, unit: Unit) -> int:
        """Return the ``busy_timeout`` of a unit, in milliseconds."""
        seconds = unit.lock_timeout or self.settings.lock_timeout
        return _FOREVER if seconds is None else max(1, round(seconds * 1000))

    def _set_pragmas(self, adapted: Any, record: Any) -> None:
        use_single_call_cursors(adapted)
        _stop_once(adapted.driver_connection)
        adapted.isolation_level = None
        held = {"busy_timeout": self._busy_timeout(PLAIN_UNIT), "query_only": int(self.reading)}
        pragmas: dict[str, Any] = {"foreign_keys": "ON", "synchronous": "FULL", **held}
        if not {"mode", "immutable"} & set(self.address.query):
            pragmas = {"journal_mode": "WAL", **pragmas}
        cursor = adapted.cursor()
        for name, value in pragmas.items():
            cursor.execute(f"PRAGMA {name} = {value}")
        cursor.close()
        record.info[_HELD] = held

    def _begin_snapshot(self, connection: Connection) -> None:
        if UNIT_OPTION in connection.get_execution_options():
            connection.exec_driver_sql("BEGIN")

    def set_limits(self, connection: Connection, unit: Unit) -> None:
        """Set the unit's limits on the connection; before BEGIN, since they hold for it too."""
        wanted = {"busy_timeout": self._busy_timeout(unit), "query_only": int(unit.read_only)}
        held = connection.info.get(_HELD, {})
        for name, value in wanted.items():
            if held.get(name) != value:
                # Cleared first: if the PRAGMA fails, the next unit sets it again.
                held.pop(name, None)
                connection.exec_driver_sql(f"PRAGMA {name} = {value}")
                held[name] = value


def _fold_case(text: Any) -> Any:
    """Return a text in lower case, letter by letter; SQLite's own ``lower`` knows ASCII only.

    The dotted capital I and the capital sigma are lowered as servers do it. Python makes two
    letters of the first, and lowers the other by its place in the word.
    """
    if not isinstance(text, str):
        return text
    return text.replace("\u0130", "i").replace("\u03a3", "\u03c3").lower()


def _decode_value(told: Any) -> Any:
    """Return the value behind a text: bytes of ``x`` and hex digits, else a float.

    JSON would not carry them exactly. Anything but a text is returned as it is.
    """
    if not isinstance(told, str):
        return told
    return bytes.fromhex(told[1:]) if told.startswith("x") else float(told)


#: The SQL functions that lookups call; every connection has them.
_FUNCTIONS: Final = {"colonnade_fold": _fold_case, "colonnade_value": _decode_value}


class _StoppableConnection(sqlite3.Connection):
    """A connection of ``sqlite3`` that knows its cursors, so that it can always be stopped.

    As long as a cursor is half read, SQLite keeps the transaction of a closed connection open, and
    refuses even ROLLBACK on one that was interrupted.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._cursors: WeakSet[sqlite3.Cursor] = WeakSet()
        for name, function in _FUNCTIONS.items():
            self.create_function(name, 1, function, deterministic=True)

    def cursor(self, factory: Any = sqlite3.Cursor) -> Any:
        cursor = super().cursor(factory)
        self._cursors.add(cursor)
        return cursor

    def end_reads(self) -> None:
        """Close every cursor."""
        for cursor in tuple(self._cursors):
            cursor.close()

    def undo(self) -> None:
        """Close every cursor and roll back."""
        self.end_reads()
        self.rollback()


def _close_streams(adapted: Any, record: Any) -> None:
    """Close cursors that were left open, at check-in: the next unit would read their snapshot."""
    if record.info.pop(_STREAMING, None) and adapted is not None:
        driver = adapted.driver_connection
        connection: Any = connection_of(driver)
        queue_call(driver, connection.end_reads)


def _stop_cancelled(adapted: Any, _record: Any, _error: BaseException | None) -> None:
    """Interrupt what a cancelled task left running, and roll back, before the connection closes.

    The rollback is queued without a future, so that a second cancellation cannot reach it.
    """
    _interrupt_and_undo(adapted.driver_connection)


def _interrupt_and_undo(driver: Any) -> None:
    connection: Any = connection_of(driver)
    if connection is not None:
        connection.interrupt()
        queue_call(driver, connection.undo)


def _stop_once(driver: Any) -> None:
    """Make the second ``stop`` of a connection's thread do nothing: the first one ends it.

    If a task is cancelled while it closes a connection, SQLAlchemy stops it once more. A second
    ``stop`` would wait for ever on a thread that has ended, and so would the end of the event loop.
    """
    stop = driver.stop

    def first() -> Any:
        driver.stop = lambda: None
        return stop()

    driver.stop = first


def _skip_rollback_of_closed(engine: Engine) -> None:
    """Send no ROLLBACK on a connection that another task closed while a statement was failing."""
    dialect: Any = engine.dialect
    in_autocommit = dialect.detect_autocommit_setting

    def detect(adapted: Any) -> bool:
        try:
            return bool(in_autocommit(adapted))
        except _CLOSED:
            return True

    dialect.detect_autocommit_setting = detect


def _end_reading(connection: Connection) -> None:
    if UNIT_OPTION in connection.get_execution_options():
        connection.exec_driver_sql("ROLLBACK")
