"""Own the pools of an event loop: an engine and its admission, for sessions and for readers.

``Pools`` are the two of one event loop, and close with it. ``PoolStatus`` tells how busy they are,
``Health`` whether the database answers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import MetaData, event
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool

from colonnade.dialects.dialect import Dialect
from colonnade.driver_errors.translate import ErrorContext
from colonnade.engine.admission import Admission
from colonnade.engine.engine import build_engine

__all__ = ["Health", "Pool", "PoolStatus", "Pools"]


@dataclass(frozen=True)
class Health:
    """The result of ``Database.check``; true if the database answered.

    ``seconds`` is how long the answer took. ``error`` is the code of what went wrong and
    ``message`` its text; neither holds a password or an address.
    """

    ok: bool
    seconds: float
    error: str | None = None
    message: str | None = None

    def __bool__(self) -> bool:
        return self.ok


@dataclass(frozen=True)
class PoolStatus:
    """The numbers of units that may run, run now and wait, in the running event loop.

    ``idle`` is the number of open connections that nobody uses, ``longest`` the seconds for which
    the oldest unit has been running. ``readers`` is the same for readers, ``None`` before the
    first.
    """

    capacity: int
    in_use: int
    waiting: int
    idle: int
    longest: float
    readers: PoolStatus | None = None


_log: Final = logging.getLogger("colonnade")


class Pool:
    """An engine, and the admission to it with as many places as it has connections."""

    def __init__(self, dialect: Dialect, metadata: MetaData) -> None:
        settings = dialect.settings
        self.loop = asyncio.get_running_loop()
        self.dialect = dialect
        self.where = ErrorContext(metadata, reading=dialect.reading)
        self.engine: AsyncEngine = build_engine(dialect, metadata)
        #: The driver's open connections, idle ones and those in use.
        self._open: set[Any] = set()
        self._track_connections()
        self.gate = Admission(
            settings.reader_capacity if dialect.reading else settings.capacity,
            settings.pool_timeout,
            name="readers" if dialect.reading else "connections",
            debug=settings.debug,
        )

    def status(self, readers: PoolStatus | None = None) -> PoolStatus:
        """Return the present numbers of the admission and the pool. No I/O."""
        pool = self.engine.pool
        idle = pool.checkedin() if isinstance(pool, QueuePool) else 0
        return PoolStatus(
            capacity=self.gate.capacity,
            in_use=len(self.gate.leases),
            waiting=self.gate.waiting,
            idle=idle,
            longest=self.gate.longest,
            readers=readers,
        )

    async def close(self) -> None:
        """Close idle connections now, and each one in use when its unit ends."""
        # ``dispose`` leaves connections in use open, so they are closed when they come back.
        event.listen(self.engine.sync_engine, "checkin", _invalidate_returned)
        await self.engine.dispose()

    def close_without_loop(self) -> None:
        """Close every connection after the event loop was closed. A second call does nothing."""
        while self._open:
            driver = self._open.pop()
            try:
                self.dialect.close_without_loop(driver)
            except Exception:  # noqa: BLE001 # logged; the other connections are to be closed too
                _log.warning("a closed event loop's connection stays open", exc_info=True)

    def _track_connections(self) -> None:
        """Keep the set of open connections up to date.

        The listeners refer to the set and not to the pool, which would be a reference cycle.
        """
        known = self._open

        def opened(adapted: Any, _record: Any) -> None:
            known.add(adapted.driver_connection)

        def closed(adapted: Any, _record: Any = None) -> None:
            known.discard(adapted.driver_connection)

        event.listen(self.engine.sync_engine, "connect", opened)
        for name in ("close", "close_detached"):
            event.listen(self.engine.sync_engine, name, closed)


class Pools:
    """The pools of one event loop: the sessions' and, from the first reader on, the readers'.

    They close with the loop, or with the ``Database`` that owns them, and do not wait for the
    garbage collector: otherwise the server would keep connections that nobody can use any more.
    """

    def __init__(self, primary: Pool) -> None:
        self._pools = [primary]
        self.primary = primary
        self._end: AsyncGenerator[None] | None = _close_with_loop(self._pools)
        # A loop closes only generators that have started.
        _start_generator(self._end)

    @property
    def readers(self) -> Pool | None:
        """The readers' pool; None before the first reader."""
        return self._pools[1] if len(self._pools) > 1 else None

    def add_readers(self, pool: Pool) -> Pool:
        """Keep the readers' pool, and return it."""
        self._pools.append(pool)
        return pool

    async def close(self) -> None:
        """Close both: idle connections now, the others when their units end."""
        end, self._end = self._end, None
        if end is not None:
            await end.aclose()

    def __del__(self) -> None:
        """Close the connections if the loop was closed without closing its generators."""
        if self.primary.loop.is_closed():
            for pool in self._pools:
                pool.close_without_loop()


async def _close_with_loop(pools: list[Pool]) -> AsyncGenerator[None]:
    """Close the pools when this generator is closed.

    Before a loop closes, ``asyncio.run`` and its kin close every asynchronous generator in it
    (``loop.shutdown_asyncgens``), and a generator that is dropped is closed by its loop as well.
    """
    try:
        yield
    finally:
        for pool in pools:
            await pool.close()


def _start_generator(generator: AsyncGenerator[None]) -> None:
    """Run a generator up to its ``yield``, before which it awaits nothing."""
    with suppress(StopIteration):
        generator.__anext__().__await__().send(None)


def _invalidate_returned(adapted: object, record: object) -> None:
    """Close a connection that comes back into a pool which was closed meanwhile."""
    if adapted is not None:
        record.invalidate()  # type: ignore[attr-defined] # the pool's record, which has no public type
