"""Queue the units of one process for SQLite's write lock: one writer at a time, in order.

The lock is an ``Admission`` with one place. So the search for deadlocks also finds a task that
holds the lock and waits for a connection, or the other way round. The lock is given back wherever
the transaction ends: at COMMIT and ROLLBACK, through SQLAlchemy or as text, after an error on which
SQLite rolls back, after a BEGIN that fails, and whenever a connection is returned or closed.
Between two ``Database`` objects on one file, as between processes, stands SQLite's own busy
handler.
"""

from __future__ import annotations

import asyncio
from typing import Any

from colonnade.database.admission import Admission, Lease
from colonnade.errors import DatabaseError, LockTimeout, PoolDeadlock, PoolTimeout

__all__ = ["WriteLock"]


class WriteLock(Admission):
    """The write lock of one engine and its event loop, held by one connection at a time."""

    def __init__(self, *, debug: bool) -> None:
        super().__init__(1, 0.0, name="write lock", debug=debug)
        self._loop = asyncio.get_running_loop()
        self._driver: Any = None
        self._lease: Lease | None = None

    async def take(self, driver: Any, timeout: float | None) -> None:
        """Wait for the lock in turn, then hold it for ``driver``, whose BEGIN must come next.

        Raises ``LockTimeout`` after ``timeout`` seconds, and ``PoolDeadlock`` at once when the lock
        is held by this task itself, or by one that waits for what this task holds.
        """
        self._lease = await self._enter(timeout)
        self._driver = driver

    def leave(self, driver: Any) -> None:
        """Give the lock to the next in turn if ``driver`` holds it."""
        if self._driver is driver and self._lease is not None:
            lease, self._lease, self._driver = self._lease, None, None
            lease.release_on(self._loop)

    def disown(self, driver: Any) -> None:
        """Record that no task holds the lock: the end of the transaction is on its way.

        A task that was cancelled during that end may go on to its next unit. It would be taken for
        one that waits for itself, a deadlock.
        """
        if self._driver is driver and self._lease is not None:
            self._lease.task = None

    def holds(self, driver: Any) -> bool:
        """Return whether ``driver`` holds the lock."""
        return self._driver is driver

    def _refusal(self, kind: type[PoolTimeout], held: tuple[Lease, ...]) -> DatabaseError:
        # Between two holders nobody has the lock for a moment.
        lease = next(iter(self.leases), None)
        advice = ["keep units short; use db.reader() for what only reads"]
        if lease is not None and lease in held:
            advice.insert(0, "this task holds it already: pass its session on, do not open another")
        if lease is not None and lease.place:
            advice.append(f"taken at {lease.place}")
        hint = "; ".join(advice)
        if kind is PoolDeadlock:
            own = lease is not None and lease.task is asyncio.current_task()
            holder = "this task itself" if own else "a task that waits for this one"
            return PoolDeadlock(f"SQLite's only write lock is held by {holder}", hint=hint)
        return LockTimeout(
            "another unit of work of this process holds SQLite's only write lock", hint=hint
        )
