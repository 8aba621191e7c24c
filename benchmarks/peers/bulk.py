"""Many rows written in one unit of work, with objects or rows coming back and without."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, cast

from sqlalchemy import insert

from peers import mapped
from peers.connections import (
    AiosqliteContestant,
    AsyncpgContestant,
    DatabaseContestant,
    EngineContestant,
)
from peers.contestant import BulkContestant
from peers.drivers import HERO_NAMES
from peers.libraries import HeroService as AdvancedHeroService
from peers.ours import HeroService
from peers.schemas import HeroCreate
from peers.writes import COLUMNS

__all__ = [
    "AdvancedAlchemyBulk",
    "AiosqliteBulk",
    "AsyncpgBulk",
    "AsyncpgBulkRows",
    "EntityBulk",
    "ObjectlessBulk",
    "OrmBulk",
    "OrmStatementBulk",
]

_NAMES = ", ".join(COLUMNS)
_MARKS = ", ".join(f"${number}" for number, _ in enumerate(COLUMNS, 1))
_INSERT = f"INSERT INTO hero ({_NAMES}) VALUES ({_MARKS})"
_ARRAYS = (
    "$1::text[], $2::text[], $3::int[], $4::bool[], $5::text[], $6::date[], $7::text[], $8::int[]"
)
_UNNEST = (
    f"INSERT INTO hero ({_NAMES}) SELECT * FROM unnest({_ARRAYS}) RETURNING {', '.join(HERO_NAMES)}"
)


class AsyncpgBulkRows(AsyncpgContestant, BulkContestant):
    """One INSERT from an array for each column; rows come back."""

    name: ClassVar[str] = "asyncpg, rows"

    async def create_many(self, payloads: Sequence[HeroCreate]) -> Sequence[object]:
        rows = [payload.model_dump().values() for payload in payloads]
        async with self.pool.acquire() as connection, connection.transaction():
            found = await connection.fetch(_UNNEST, *map(list, zip(*rows, strict=True)))
        return [dict(row) for row in found]


class AsyncpgBulk(AsyncpgContestant, BulkContestant):
    """``executemany``; nothing comes back."""

    name: ClassVar[str] = "asyncpg, executemany"

    async def create_many(self, payloads: Sequence[HeroCreate]) -> None:
        rows = [tuple(payload.model_dump().values()) for payload in payloads]
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.executemany(_INSERT, rows)


class AiosqliteBulk(AiosqliteContestant, BulkContestant):
    """``executemany``; nothing comes back."""

    name: ClassVar[str] = "aiosqlite, executemany"

    async def create_many(self, payloads: Sequence[HeroCreate]) -> None:
        rows = [tuple(payload.model_dump(mode="json").values()) for payload in payloads]
        await self.connection.execute("BEGIN IMMEDIATE")
        await self.connection.executemany(_INSERT.replace("$", "?"), rows)
        await self.connection.execute("COMMIT")


class OrmBulk(EngineContestant, BulkContestant):
    """``add_all``."""

    name: ClassVar[str] = "SQLAlchemy ORM"

    async def create_many(self, payloads: Sequence[HeroCreate]) -> Sequence[object]:
        heroes = [mapped.Hero(**payload.model_dump()) for payload in payloads]
        async with self.session() as session:
            session.add_all(heroes)
            await session.commit()
        return heroes


class OrmStatementBulk(EngineContestant, BulkContestant):
    """The ORM's INSERT of many rows that returns objects, in the order of the rows."""

    name: ClassVar[str] = "SQLAlchemy, insert().returning"

    async def create_many(self, payloads: Sequence[HeroCreate]) -> Sequence[object]:
        statement = insert(mapped.Hero).returning(mapped.Hero, sort_by_parameter_order=True)
        async with self.session() as session:
            found = await session.scalars(statement, [payload.model_dump() for payload in payloads])
            heroes = found.all()
            await session.commit()
        return heroes


class AdvancedAlchemyBulk(EngineContestant, BulkContestant):
    """A service's ``create_many``."""

    name: ClassVar[str] = "advanced-alchemy"

    async def create_many(self, payloads: Sequence[HeroCreate]) -> Sequence[object]:
        async with self.session() as session:
            heroes = AdvancedHeroService(session=session)
            found = await heroes.create_many(list(payloads), auto_commit=True)
        return cast("Sequence[object]", found)


class EntityBulk(DatabaseContestant, BulkContestant):
    """A service's ``create_many``."""

    name: ClassVar[str] = "Colonnade, entities"

    async def create_many(self, payloads: Sequence[HeroCreate]) -> Sequence[object]:
        async with self.db.session() as session:
            return await HeroService(session).create_many(payloads)


class ObjectlessBulk(DatabaseContestant, BulkContestant):
    """The rows are stored, and nothing comes back."""

    name: ClassVar[str] = "Colonnade, no objects"

    async def create_many(self, payloads: Sequence[HeroCreate]) -> None:
        async with self.db.session() as session:
            await HeroService(session).create_many(payloads, returning=False)
