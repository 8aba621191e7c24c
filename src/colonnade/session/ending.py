"""End a session and its transactions: commit, roll back and close, whatever happens meanwhile.

``commit`` raises ``CommitUnknown`` if COMMIT was not answered, and runs the callbacks that wait for
it. A failure rolls the unit back, and no error of the rollback replaces it. If a task still uses
the connection when the session ends, the connection is broken and not given to another session.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from sqlalchemy import Connection, RootTransaction
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.util import greenlet_spawn
from sqlmodel import Session as SyncSession
from sqlmodel.ext.asyncio.session import AsyncSession

from colonnade._compat.sqlalchemy_session import has_changes
from colonnade.dialects.dialect import GRACE_SECONDS, Dialect
from colonnade.driver_errors.translate import aborted_error
from colonnade.engine.abandoned import Opening
from colonnade.engine.callbacks import Callbacks
from colonnade.engine.commits import Outcome
from colonnade.engine.failed_transaction import mark_failed, raise_if_failed
from colonnade.errors import UsageError
from colonnade.session.gate import Gate

__all__ = ["Ending"]

_log: Final = logging.getLogger("colonnade")


class Ending(AsyncSession):
    """Base of ``Session`` with the methods that end it, or one of its transactions."""

    _opened_on: AsyncEngine | AsyncConnection
    _opening: Opening | None
    _dialect: Dialect
    _gate: Gate
    _callbacks: Callbacks
    _outcome: Outcome
    _commit_forbidden_by: BaseException | None
    _connection: Connection | None
    _transaction: RootTransaction | None

    @property
    def closed(self) -> bool:
        """True if the session has ended."""
        return self._gate.closed

    @property
    def busy(self) -> bool:
        """True if a task awaits one of the session's methods right now."""
        return self._gate.task is not None

    @property
    def _half(self) -> SyncSession | None:
        """SQLAlchemy's synchronous session; None if nothing has needed it yet."""
        return self.__dict__.get("sync_session")

    async def commit(self) -> None:
        """Flush and COMMIT, then run the callbacks of ``on_commit``.

        Raises ``CommitUnknown`` when COMMIT was sent and no answer came. If the task is cancelled
        meanwhile, it still waits for the answer, for at most five seconds, and then raises
        ``CancelledError``: with a note that the work is stored, or from a ``CommitUnknown``.
        """
        try:
            await self._commit()
        finally:
            # Callbacks are due if COMMIT succeeded, even if something after it failed.
            await self._announce()

    async def rollback(self) -> None:
        """Send ROLLBACK; every object that the session holds expires."""
        self._callbacks.drop_rolled_back(None)
        with self._gate.enter("rollback"):
            async with asyncio.timeout(self._dialect.commit_limit):
                await super().rollback()

    async def invalidate(self) -> None:
        """Break the connection and end the session; nothing of the unit is stored."""
        self._callbacks.drop_rolled_back(None)
        with self._gate.enter("invalidate", ending=True):
            await super().invalidate()
            self._gate.closed = True

    async def reset(self) -> None:
        """Roll back and forget every object; the session can be used again."""
        self._callbacks.drop_rolled_back(None)
        with self._gate.enter("reset"):
            await super().reset()

    async def close(self) -> None:
        """Roll back, give the connection back and end the session. A second call does nothing."""
        if self._gate.closed:
            return
        # Another task waits for an answer on the connection, where no ROLLBACK can be sent now.
        if self.busy and self._gate.task is not asyncio.current_task():
            await self._break_connection_in_use()
            if self.closed:  # by that task, which has come to the end of its block
                return
        with self._gate.enter("close", ending=True):
            try:
                if (half := self._half) is None:
                    return
                if half.get_transaction() is None:
                    half.close()
                elif not self._at_work:
                    await super().close()
                else:
                    async with asyncio.timeout(self._dialect.commit_limit):
                        await super().close()
            finally:
                self._gate.closed = True

    @property
    def _at_work(self) -> bool:
        """True if ending the session takes a ROLLBACK, which a frozen server would not answer."""
        return self._connection is not None and not self._connection.closed

    async def _finish(self) -> None:
        """Commit, at the end of a block that did not raise."""
        await self._commit()

    async def _commit(self) -> None:
        with self._gate.enter("commit"):
            await self._demand_transaction()
            if self._half is not None and has_changes(self._half):
                await super().flush()
            await super().commit()

    async def _demand_transaction(self) -> None:
        """Raise ``UsageError`` if the transaction was ended through the session's connection.

        After a commit there with nothing behind it the session goes on in a new one.
        """
        connection, half = self._connection, self._half
        if half is None or connection is None or connection.closed or connection.invalidated:
            return
        root, running = half.get_transaction(), connection.get_transaction()
        if root is None or not root.is_active or running is self._transaction:
            # A failed flush has ended the transaction too; COMMIT itself raises for that.
            return
        if not self._outcome.ended_past_orm or running is not None:
            raise UsageError(
                "the session's transaction was ended through its connection, and what came after "
                "that is no part of it",
                hint="end it with session.commit() or session.rollback()",
            )
        await greenlet_spawn(root.close)

    async def _announce(self) -> None:
        """Run the callbacks of the commits that have succeeded."""
        await self._callbacks.run_due()

    def _refuse_commit(self) -> None:
        if self._commit_forbidden_by is not None:
            raise aborted_error() from self._commit_forbidden_by
        if self._connection is not None:
            raise_if_failed(self._connection)

    def _committed(self) -> None:
        """Record a commit of the ORM; in a test, that is the RELEASE of a savepoint."""
        bound = isinstance(self._opened_on, AsyncConnection)
        if bound and self._connection is not None and not self._connection.closed:
            self._outcome.record_commit()
        else:
            self._callbacks.make_due()

    def _forbid_commit(self, error: BaseException) -> None:
        """Refuse every COMMIT from now on, since a part of the unit could not be rolled back."""
        self._commit_forbidden_by = error
        if self._connection is not None and not self._connection.closed:
            mark_failed(self._connection, error)

    async def _abort(self) -> None:
        """Close the session after a failure; an error here is logged and not raised."""
        self._callbacks.drop_rolled_back(None)
        try:
            await self.close()
        except Exception:  # noqa: BLE001 # logged; the failure that led here goes on
            _log.warning("a session that failed could not be closed in order", exc_info=True)
            self._gate.closed = True
            await self._break_connection()

    async def _break_connection_in_use(self) -> None:
        """Break the connection that another task still uses, so that it never reaches the pool."""
        if self._opening is not None:
            self._opening.stop_waiting()
        await self._break_connection()
        await self._gate.wait_until_free(GRACE_SECONDS)

    async def _break_connection(self) -> None:
        connection = self._connection
        if connection is not None and not connection.closed and not connection.invalidated:
            await greenlet_spawn(connection.invalidate)
