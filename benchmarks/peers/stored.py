"""The table as it is: what contestants say is compared with it, and what they wrote is removed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, delete, select, text
from sqlalchemy.ext.asyncio import create_async_engine

from peers.connections import engine_url
from peers.data import HEROES, TEAMS
from peers.mapped import Hero

__all__ = ["StoredHeroes"]

_LAST = TEAMS * HEROES


class StoredHeroes:
    """Heroes on connections of its own, so that it sees only what is committed."""

    def __init__(self, url: str) -> None:
        self._engine = create_async_engine(engine_url(url), isolation_level="AUTOCOMMIT")

    async def close(self) -> None:
        await self._engine.dispose()

    async def find(self, key: int) -> dict[str, Any]:
        (row,) = await self._rows(select(Hero.__table__).where(Hero.id == key))
        return row

    async def find_created(self) -> list[dict[str, Any]]:
        return await self._rows(select(Hero.__table__).where(Hero.id > _LAST).order_by(Hero.id))

    async def remove_created(self) -> None:
        """Delete what was created, and what is left of it in the files."""
        async with self._engine.connect() as connection:
            await connection.execute(delete(Hero).where(Hero.id > _LAST))
            if self._engine.dialect.name == "postgresql":
                await connection.execute(text("VACUUM hero"))

    async def _rows(self, statement: Select[Any]) -> list[dict[str, Any]]:
        async with self._engine.connect() as connection:
            return [dict(row) for row in (await connection.execute(statement)).mappings()]
