"""Read the rows of a SELECT in batches, through a cursor of the database.

A cursor ends with its transaction. Code that stops reading early need not close the cursor: if the
database needs that, it is closed when the ``Batches`` are dropped, without waiting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from weakref import ref

from sqlalchemy import Connection
from sqlalchemy.engine import Result, Row
from sqlalchemy.sql import Executable
from sqlalchemy.util import greenlet_spawn

from colonnade.dialects.dialect import Dialect, Watchdog
from colonnade.session.gate import Gate
from colonnade.settings import Unit

__all__ = ["Batches", "StreamsBatches"]


class Batches:
    """The rows of one SELECT, at most ``size`` at a time. No statement runs before ``next``."""

    def __init__(
        self,
        session: Any,
        gate: Gate,
        dialect: Dialect,
        unit: Unit,
        statement: tuple[Executable, Mapping[str, Any]],
        size: int,
    ) -> None:
        # A weak reference, so that a dropped session is finalized though its batches are kept.
        self._owner = ref(session)
        self._session = session.sync_session
        self._gate = gate
        self._dialect = dialect
        self._limit = dialect.statement_limit(unit)
        self._watchdog = Watchdog(dialect.abort)
        self._statement = statement
        self._size = size
        self._connection: Connection | None = None
        self._driver: Any = None  # kept: asking a lost connection for it would connect again
        self._result: Result[Any] | None = None

    async def next(self) -> Sequence[Row[Any]]:
        """Return the next rows, or an empty sequence at the end.

        The first call runs the SELECT. Each call may take as long as one statement.
        """
        with self._gate.enter("stream"):
            return await greenlet_spawn(self._fetch_next)

    async def close(self) -> None:
        """Close the cursor. A second call does nothing."""
        result, self._result = self._result, None
        if result is not None and not self._gate.closed:
            with self._gate.enter("stream"):
                await greenlet_spawn(self._close, result)

    def _close(self, result: Result[Any]) -> None:
        result.close()
        self._end()

    def _end(self) -> None:
        self._result = None
        if (owner := self._owner()) is not None:
            owner._statement_ended()

    def _fetch_next(self) -> Sequence[Row[Any]]:
        """Fetch the next rows, in SQLAlchemy's greenlet."""
        if self._connection is None:
            statement, parameters = self._statement
            options = {"yield_per": self._size}
            self._result = self._session.execute(statement, parameters, execution_options=options)
            connection: Connection = self._session.connection()
            self._dialect.record_cursor(connection)
            self._connection = connection
            self._driver = connection.connection.driver_connection
            if (owner := self._owner()) is not None:
                owner._record_stream(self._result)
        if self._result is None:
            return ()
        if self._limit is not None:
            self._watchdog.start(self._driver, self._limit)
        try:
            rows = self._result.fetchmany(self._size)
        finally:
            self._watchdog.stop(self._driver)
        if not rows:
            self._end()
        return rows

    def __del__(self) -> None:
        """Close the cursor of a loop that was left early; it could block the next statement."""
        result, self._result = self._result, None
        connection = self._connection
        if result is None or connection is None or connection.closed or connection.invalidated:
            return
        raw: Any = getattr(result, "raw", result)
        self._dialect.drop_cursor(self._driver, raw.cursor)


class StreamsBatches:
    """A mixin of sessions with the method that reads a SELECT in batches."""

    _gate: Gate
    _dialect: Dialect
    _unit: Unit
    _writes: ClassVar[bool]

    @property
    def streams(self) -> bool:
        """True if other statements may run on this session while ``batches`` are read."""
        return self._dialect.can_stream(in_transaction=self._writes or self._unit.snapshot)

    def batches(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None, *, size: int
    ) -> Batches:
        """Return the rows of a SELECT in batches of ``size``, through a cursor of the database.

        One statement, which runs when the first batch is read.
        """
        asked = (statement, parameters or {})
        session: Any = self
        session._check_open("batches")
        return Batches(session, self._gate, self._dialect, self._unit, asked, size)
