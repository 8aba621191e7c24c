"""In charge of one event loop's way to one server: an engine and the gate before it."""

from __future__ import annotations

from sqlalchemy import MetaData, event
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool

from colonnade.database.admission import Admission
from colonnade.database.dialect import Dialect
from colonnade.database.engine import build
from colonnade.database.health import PoolStatus
from colonnade.database.translate import Circumstances

__all__ = ["Pool"]


class Pool:
    """An engine, and as many places before it as it has connections."""

    def __init__(self, dialect: Dialect, metadata: MetaData) -> None:
        settings = dialect.settings
        self.dialect = dialect
        self.where = Circumstances(metadata, reading=dialect.reading)
        self.engine: AsyncEngine = build(dialect, metadata)
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


def _discard(adapted: object, record: object) -> None:
    if adapted is not None:
        record.invalidate()  # type: ignore[attr-defined] # the pool's record, which has no public type
