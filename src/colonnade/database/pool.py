"""In charge of one event loop's way to one server: an engine and the gate before it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any, Final

from sqlalchemy import MetaData, event
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool

from colonnade.database.admission import Admission
from colonnade.database.dialect import Dialect
from colonnade.database.engine import build
from colonnade.database.health import PoolStatus
from colonnade.database.translate import Circumstances

__all__ = ["Pool", "Pools"]

_log: Final = logging.getLogger("colonnade")


class Pool:
    """An engine, and as many places before it as it has connections."""

    def __init__(self, dialect: Dialect, metadata: MetaData) -> None:
        settings = dialect.settings
        self.loop = asyncio.get_running_loop()
        self.dialect = dialect
        self.where = Circumstances(metadata, reading=dialect.reading)
        self.engine: AsyncEngine = build(dialect, metadata)
        #: The drivers' connections that are open, idle and in use.
        self._open: set[Any] = set()
        self._follow()
        self.gate = Admission(
            settings.reader_capacity if dialect.reading else settings.capacity,
            settings.pool_timeout,
            name="readers" if dialect.reading else "connections",
            debug=settings.debug,
        )

    def status(self, readers: PoolStatus | None = None) -> PoolStatus:
        """What the gate and the pool count now; no I/O."""
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
        event.listen(self.engine.sync_engine, "checkin", _discard)
        await self.engine.dispose()

    def forsake(self) -> None:
        """Close every connection without the event loop, which is closed. Twice does no harm."""
        while self._open:
            driver = self._open.pop()
            try:
                self.dialect.forsake(driver)
            except Exception:  # noqa: BLE001 # logged; the other connections are to be closed too
                _log.warning("a closed event loop's connection stays open", exc_info=True)

    def _follow(self) -> None:
        """Know which connections are open. The listeners do not refer to the pool: no cycle."""
        known = self._open

        def opened(adapted: Any, _record: Any) -> None:
            known.add(adapted.driver_connection)

        def closed(adapted: Any, _record: Any = None) -> None:
            known.discard(adapted.driver_connection)

        event.listen(self.engine.sync_engine, "connect", opened)
        for name in ("close", "close_detached"):
            event.listen(self.engine.sync_engine, name, closed)


class Pools:
    """One event loop's pools: the sessions' and, from the first reader on, the readers'.

    They close with the loop, or with the ``Database`` that owns them: neither waits for the
    garbage collector, and no server keeps a connection that nobody can use any more.
    """

    def __init__(self, primary: Pool) -> None:
        self._pools = [primary]
        self.primary = primary
        self._end: AsyncGenerator[None] | None = _close_at_the_end(self._pools)
        _begin(self._end)

    @property
    def readers(self) -> Pool | None:
        """The readers' pool, if there has been a reader."""
        return self._pools[1] if len(self._pools) > 1 else None

    def add_readers(self, pool: Pool) -> Pool:
        """Keep the readers' pool."""
        self._pools.append(pool)
        return pool

    async def close(self) -> None:
        """Close both: idle connections now, the others when their units end."""
        end, self._end = self._end, None
        if end is not None:
            await end.aclose()

    def __del__(self) -> None:
        """Close what a loop left behind that was closed without ending its generators."""
        if self.primary.loop.is_closed():
            for pool in self._pools:
                pool.forsake()


async def _close_at_the_end(pools: list[Pool]) -> AsyncGenerator[None]:
    """Close the pools when this generator is closed.

    Before a loop closes, ``asyncio.run`` and its kin close every asynchronous generator in it
    (``loop.shutdown_asyncgens``), and a generator that is dropped is closed by its loop as well.
    """
    try:
        yield
    finally:
        for pool in pools:
            await pool.close()


def _begin(generator: AsyncGenerator[None]) -> None:
    """Run a generator up to its ``yield``, before which it awaits nothing."""
    with suppress(StopIteration):
        generator.__anext__().__await__().send(None)


def _discard(adapted: object, record: object) -> None:
    if adapted is not None:
        record.invalidate()  # type: ignore[attr-defined] # the pool's record, which has no public type
