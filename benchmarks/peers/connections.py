"""How contestants hold their connections: as many each, so that no pool is larger than another."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import aiosqlite
import asyncpg
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from colonnade import Database
from peers.contestant import Contestant

__all__ = [
    "CONNECTIONS",
    "AiosqliteContestant",
    "AsyncpgContestant",
    "DatabaseContestant",
    "EngineContestant",
    "engine_url",
]

CONNECTIONS: Final = 5


class AsyncpgContestant(Contestant):
    """A pool of asyncpg, as it ships if ``resets``; else without the round trip on release."""

    resets: ClassVar[bool] = False

    async def open(self) -> None:
        async def keep(connection: Any) -> None:
            """Leave the connection as it is."""

        options: dict[str, Any] = {} if self.resets else {"reset": keep}
        self.pool = await asyncpg.create_pool(self.url, min_size=1, max_size=CONNECTIONS, **options)

    async def close(self) -> None:
        await self.pool.close()


class AiosqliteContestant(Contestant):
    """One connection of aiosqlite, which is one thread."""

    async def open(self) -> None:
        path = self.url.removeprefix("sqlite:///")
        self.connection = await aiosqlite.connect(path, isolation_level=None)

    async def close(self) -> None:
        await self.connection.close()


class EngineContestant(Contestant):
    """SQLAlchemy's engine and sessions."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.engine = create_async_engine(engine_url(url), pool_size=CONNECTIONS, max_overflow=0)
        self.session = async_sessionmaker(self.engine, expire_on_commit=False)

    async def close(self) -> None:
        await self.engine.dispose()


class DatabaseContestant(Contestant):
    """Colonnade's ``Database``."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.db = Database(url, pool_size=CONNECTIONS, max_overflow=0)

    async def close(self) -> None:
        await self.db.close()


def engine_url(url: str) -> str:
    """Return the URL with the asynchronous driver that SQLAlchemy wants to be told."""
    return url.replace("postgresql:", "postgresql+asyncpg:", 1).replace(
        "sqlite:", "sqlite+aiosqlite:", 1
    )
