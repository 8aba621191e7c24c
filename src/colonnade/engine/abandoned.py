"""Keep the place of a session, and give it back with the connection if nobody ends the session.

A place is taken with the first statement and given back with the connection. A session that is
entered by hand and dropped, or whose task is destroyed, never reaches the end of its block.
Sessions are part of no reference cycle, so Python's reference counting finalizes such a session at
once. The finalizer may run in any thread; it hands the work to the session's event loop.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import warnings
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.util import greenlet_spawn

from colonnade.dialects.dialect import Dialect
from colonnade.engine.admission import Lease, Lender, calling_frame
from colonnade.errors import StatementCancelled

__all__ = ["Opening"]

_log: Final = logging.getLogger("colonnade")

#: The running tasks of ``_give_back``. The event loop has only weak references to its tasks.
_TASKS: Final[set[asyncio.Task[None]]] = set()


class Opening:
    """The line that opened a session, its event loop, and the place that it holds, if any."""

    __slots__ = ("_code", "_line", "_turn", "admission", "lease", "loop")

    def __init__(self, depth: int = 1) -> None:
        """Record the first frame outside of the libraries, ``depth`` frames above this call."""
        frame = calling_frame(depth)
        self._code = frame.f_code
        self._line = frame.f_lineno
        self.loop: asyncio.AbstractEventLoop | None = None
        self.lease: Lease | None = None
        #: The admission that lends the session a place; None if it needs no place.
        self.admission: Lender | None = None
        self._turn: asyncio.Future[None] | None = None

    def __str__(self) -> str:
        return f"{self._code.co_filename}:{self._line} in {self._code.co_name}"

    def enter(self) -> bool:
        """Take a place if the session needs one; return False if it has to ``wait`` for it."""
        if self.lease is None and (admission := self.admission) is not None:
            self.lease = admission.enter_now(str(self) if admission.debug else None)
            return self.lease is not None
        return True

    async def wait(self) -> None:
        """Take a place in turn. Raises what ``Admission.enter`` does."""
        admission = self.admission
        if admission is not None:
            self._turn = turn = asyncio.get_running_loop().create_future()
            try:
                self.lease = await admission.enter(str(self) if admission.debug else None, turn)
            finally:
                self._turn = None

    def stop_waiting(self) -> None:
        """Let a task that waits for a place fail: its session is closed by another task."""
        if self._turn is not None and not self._turn.done():
            self._turn.set_exception(
                StatementCancelled(
                    "the session was closed while this statement waited for a connection",
                    hint="await the tasks that use a session before its block ends",
                )
            )

    def leave(self) -> None:
        """Give the place back, if the session has one."""
        lease, self.lease = self.lease, None
        if lease is not None:
            lease.release()

    def hold(self, connection: Connection) -> None:
        """Record the connection that the session uses, so that it can be given back.

        A session on a connection that was bound by ``Database.bound_to`` has no place in the pool,
        and its connection stays with whoever bound it.
        """
        if self.lease is not None:
            self.lease.connection = connection

    def give_back(self, kind: str, dialect: Dialect) -> None:
        """Give back the connection and the place of a dropped session, and warn about it.

        The connection is rolled back and returned to the pool in the session's event loop. If that
        loop is closed, the connection is closed without it.
        """
        loop, self.loop = self.loop, None
        if loop is None or sys.is_finalizing():
            return
        connection = None if self.lease is None else self.lease.connection
        if connection is not None and (connection.closed or connection.invalidated):
            connection = None
        if connection is not None:
            # The rollback is on its way, so the task that opened the transaction no longer holds
            # the write lock: its next unit must not be refused as a deadlock with itself.
            dialect.forget_holder(connection)
        if not loop.is_closed():
            loop.call_soon_threadsafe(_schedule_give_back, loop, connection, dialect, self.lease)
        elif connection is not None:
            _close_without_loop(connection, dialect)
        message = f"a {kind} was dropped without its end; it was opened at {self}"
        _log.warning("%s; use it as 'async with'", message)
        warnings.warn_explicit(
            message, ResourceWarning, self._code.co_filename, self._line, module="colonnade"
        )


def _schedule_give_back(
    loop: asyncio.AbstractEventLoop,
    connection: Connection | None,
    dialect: Dialect,
    lease: Lease | None,
) -> None:
    """Begin the work in ``loop``: release the place, after the connection if there is one."""
    if connection is None:
        if lease is not None:
            lease.release()
        return
    task = loop.create_task(_give_back(connection, dialect, lease))
    _TASKS.add(task)
    task.add_done_callback(_TASKS.discard)


async def _give_back(connection: Connection, dialect: Dialect, lease: Lease | None) -> None:
    """Roll the connection back and return it to its pool, or invalidate it; release the place."""
    try:
        async with asyncio.timeout(dialect.commit_limit):
            await greenlet_spawn(connection.close)
    except Exception:  # noqa: BLE001 # logged; the connection is broken instead
        _log.warning("a dropped session could not be rolled back in order", exc_info=True)
        if not connection.closed and not connection.invalidated:
            await greenlet_spawn(connection.invalidate)
    finally:
        if lease is not None:
            lease.release()


def _close_without_loop(connection: Connection, dialect: Dialect) -> None:
    """Close a connection whose event loop is closed."""
    driver: Any = connection.connection.driver_connection
    # Otherwise the pool would try to close it too, which needs the loop.
    connection.detach()
    dialect.close_without_loop(driver)
