"""In charge of sessions that nobody ended: their places and connections go back all the same.

A session that is entered by hand and dropped, or whose task is destroyed, never comes to the end of
its block. Python's counting of references notices at once, since a session is part of no cycle;
from wherever that is, which may be another thread, the work is handed to the session's event loop.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import warnings
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.util import greenlet_spawn

from colonnade.database.admission import Lease, calling_frame
from colonnade.database.dialect import Dialect

__all__ = ["Opening"]

_log: Final = logging.getLogger("colonnade")

#: Tasks that give back, which the event loop itself refers to weakly.
_TASKS: Final[set[asyncio.Task[None]]] = set()


class Opening:
    """Where a session was opened, in which event loop, and the place that it was given."""

    __slots__ = ("_code", "_line", "lease", "loop")

    def __init__(self, depth: int = 1) -> None:
        """Note the first frame outside of the library, from ``depth`` frames above this call."""
        frame = calling_frame(depth)
        self._code = frame.f_code
        self._line = frame.f_lineno
        self.loop: asyncio.AbstractEventLoop | None = None
        self.lease: Lease | None = None

    def __str__(self) -> str:
        return f"{self._code.co_filename}:{self._line} in {self._code.co_name}"

    def hold(self, connection: Connection) -> None:
        """Note the connection that the session uses; not one that somebody else has bound."""
        if self.lease is not None:
            self.lease.connection = connection

    def reclaim(self, kind: str, dialect: Dialect) -> None:
        """Give back what a session held that was dropped; warn of it.

        The connection is rolled back and returned in the event loop of the session; if that is
        closed, the connection is closed without it.
        """
        loop, self.loop = self.loop, None
        if loop is None or sys.is_finalizing():
            return
        connection = None if self.lease is None else self.lease.connection
        if connection is not None and (connection.closed or connection.invalidated):
            connection = None
        if connection is not None:
            dialect.disown(connection)
        if not loop.is_closed():
            loop.call_soon_threadsafe(_start, loop, connection, dialect, self.lease)
        elif connection is not None:
            _forsake(connection, dialect)
        message = f"a {kind} was dropped without its end; it was opened at {self}"
        _log.warning("%s; use it as 'async with'", message)
        warnings.warn_explicit(
            message, ResourceWarning, self._code.co_filename, self._line, module="colonnade"
        )


def _start(
    loop: asyncio.AbstractEventLoop,
    connection: Connection | None,
    dialect: Dialect,
    lease: Lease | None,
) -> None:
    if connection is None:
        if lease is not None:
            lease.release()
        return
    task = loop.create_task(_give_back(connection, dialect, lease))
    _TASKS.add(task)
    task.add_done_callback(_TASKS.discard)


async def _give_back(connection: Connection, dialect: Dialect, lease: Lease | None) -> None:
    try:
        async with asyncio.timeout(dialect.patience):
            await greenlet_spawn(connection.close)
    except Exception:  # noqa: BLE001 # logged; the connection is broken instead
        _log.warning("a dropped session could not be rolled back in order", exc_info=True)
        if not connection.closed and not connection.invalidated:
            await greenlet_spawn(connection.invalidate)
    finally:
        if lease is not None:
            lease.release()


def _forsake(connection: Connection, dialect: Dialect) -> None:
    """Close a connection whose event loop is closed."""
    driver: Any = connection.connection.driver_connection
    # The pool then knows nothing of it and does not try to close it in its turn.
    connection.detach()
    dialect.forsake(driver)
