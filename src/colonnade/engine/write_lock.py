"""Queue the units of one process for SQLite's write lock: one writer at a time, in order.

The lock is an ``Admission`` with one place. So the search for deadlocks also finds a task that
holds the lock and waits for a connection, or the other way round. The lock is given back wherever
the transaction ends: at COMMIT and ROLLBACK, through SQLAlchemy or as text, after an error on which
SQLite rolls back, after a BEGIN that fails, and whenever a connection is returned or closed.
Two ``Database`` objects on one file, or two processes, wait for each other by SQLite's own busy
handler, which knows no order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.util import await_only

from colonnade._compat.sqlalchemy_aiosqlite import connection_of, run_after_statements
from colonnade._compat.sqlalchemy_transactions import reset_begin
from colonnade.dialects.dialect import PLAIN_UNIT, UNIT_OPTION, Dialect, driver_of
from colonnade.dialects.sqlite import SQLite
from colonnade.engine.admission import Admission, Lease
from colonnade.errors import DatabaseError, LockTimeout, PoolDeadlock, PoolTimeout
from colonnade.settings import Unit

__all__ = ["WriteLock", "queue_writers"]


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
        # There may be no lease: between two holders nobody has the lock for a moment.
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


def queue_writers(engine: Engine, dialect: Dialect) -> None:
    """Make the units of this process take the write lock one after the other, in order.

    The lock is taken before BEGIN IMMEDIATE. It is given back at every end of the transaction:
    by the dialect's commit and rollback, by a statement that ends it, and when the connection
    is returned, invalidated or closed. Only SQLite needs it; for readers and for other databases
    nothing is done.
    """
    if not isinstance(dialect, SQLite) or dialect.reading:
        return
    lock = WriteLock(debug=dialect.settings.debug)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        unit: Unit = connection.get_execution_options().get(UNIT_OPTION, PLAIN_UNIT)
        driver = driver_of(connection.connection)
        try:
            dialect.set_limits(connection, unit)
            if unit.read_only:
                connection.exec_driver_sql("BEGIN")
                return
            timeout = unit.lock_timeout or dialect.settings.lock_timeout
            await_only(lock.take(driver, timeout))
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        except BaseException:
            # No transaction has begun, so no end of one will give the lock back.
            if not dialect.in_transaction(driver):
                lock.leave(driver)
            reset_begin(connection)
            raise

    def give_lock_back(driver: Any) -> None:
        """Give the write lock back if the last statement ended the transaction.

        COMMIT or ROLLBACK as text did so, or an error on which SQLite rolls back by itself.
        """
        if lock.holds(driver):
            connection = connection_of(driver)
            if connection is not None and not connection.in_transaction:
                lock.leave(driver)

    @event.listens_for(engine, "connect")
    def _connect(adapted: Any, _record: Any) -> None:
        adapted.driver_connection.write_lock = lock
        run_after_statements(adapted.driver_connection, give_lock_back)

    def _leave(adapted: Any, *_: Any) -> None:
        if adapted is not None:
            lock.leave(adapted.driver_connection)

    for name in ("checkin", "invalidate", "close", "close_detached"):
        event.listen(engine, name, _leave)

    def ending(call: Callable[[Any], None]) -> Callable[[Any], None]:
        def end(connection: Any) -> None:
            driver = driver_of(connection)
            lock.disown(driver)
            try:
                call(connection)
            finally:
                # The transaction goes on if COMMIT failed because another process still reads.
                if not dialect.in_transaction(driver):
                    lock.leave(driver)

        return end

    for name in ("do_commit", "do_rollback"):
        setattr(engine.dialect, name, ending(getattr(engine.dialect, name)))
