"""One row written in a unit of work of its own: create it, or update it by its key.

Each begins with the schema that an endpoint has been given, and answers with the stored row.
"""

from __future__ import annotations

from typing import Any, ClassVar

from fastcrud import FastCRUD

from peers import mapped
from peers.connections import (
    AiosqliteContestant,
    AsyncpgContestant,
    DatabaseContestant,
    EngineContestant,
)
from peers.contestant import WriteContestant
from peers.drivers import HERO_NAMES, hero_of, written
from peers.libraries import HeroService as AdvancedHeroService
from peers.ours import HeroService
from peers.schemas import HeroCreate, HeroRead, HeroUpdate

__all__ = [
    "COLUMNS",
    "AdvancedAlchemyWrites",
    "AiosqliteWrites",
    "AsyncpgPoolWrites",
    "AsyncpgWrites",
    "EntityWrites",
    "FastcrudWrites",
    "IntoWrites",
    "OrmWrites",
]

COLUMNS = tuple(HeroCreate.model_fields)
_RETURNING = f"RETURNING {', '.join(HERO_NAMES)}"
_MARKS = ", ".join(f"${number}" for number, _ in enumerate(COLUMNS, 1))
_INSERT = f"INSERT INTO hero ({', '.join(COLUMNS)}) VALUES ({_MARKS}) {_RETURNING}"
_UPDATE = f"UPDATE hero SET name = $2, age = $3 WHERE id = $1 {_RETURNING}"


class AsyncpgWrites(AsyncpgContestant, WriteContestant):
    """BEGIN, one statement with RETURNING, COMMIT."""

    name: ClassVar[str] = "asyncpg, rows"

    async def create(self, payload: HeroCreate) -> bytes:
        async with self.pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(_INSERT, *payload.model_dump().values())
        return written(dict(row or ()))

    async def update(self, key: int, payload: HeroUpdate) -> bytes:
        async with self.pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(_UPDATE, key, payload.name, payload.age)
        return written(dict(row or ()))


class AsyncpgPoolWrites(AsyncpgWrites):
    """The same with what the pool sends on release."""

    name: ClassVar[str] = "asyncpg, pool as it ships"
    resets: ClassVar[bool] = True


class AiosqliteWrites(AiosqliteContestant, WriteContestant):
    """BEGIN IMMEDIATE, one statement with RETURNING, COMMIT."""

    name: ClassVar[str] = "aiosqlite, rows"

    async def create(self, payload: HeroCreate) -> bytes:
        return await self._row(_INSERT, *payload.model_dump(mode="json").values())

    async def update(self, key: int, payload: HeroUpdate) -> bytes:
        return await self._row(_UPDATE, key, payload.name, payload.age)

    async def _row(self, statement: str, *values: object) -> bytes:
        await self.connection.execute("BEGIN IMMEDIATE")
        (row,) = await self.connection.execute_fetchall(statement.replace("$", "?"), values)
        await self.connection.execute("COMMIT")
        return written(hero_of(row))


class OrmWrites(EngineContestant, WriteContestant):
    """An object added, or read and changed, and a commit."""

    name: ClassVar[str] = "SQLAlchemy ORM + Pydantic"

    async def create(self, payload: HeroCreate) -> bytes:
        hero = mapped.Hero(**payload.model_dump())
        async with self.session() as session:
            session.add(hero)
            await session.commit()
        return _dumped(hero)

    async def update(self, key: int, payload: HeroUpdate) -> bytes:
        async with self.session() as session:
            hero = await session.get_one(mapped.Hero, key)
            for name, value in payload.model_dump(exclude_unset=True).items():
                setattr(hero, name, value)
            await session.commit()
        return _dumped(hero)


class AdvancedAlchemyWrites(EngineContestant, WriteContestant):
    """A service with ``auto_commit``; ``to_schema`` makes the answer."""

    name: ClassVar[str] = "advanced-alchemy"

    async def create(self, payload: HeroCreate) -> bytes:
        async with self.session() as session:
            heroes = AdvancedHeroService(session=session)
            hero = await heroes.create(payload, auto_commit=True)
            return _bytes(heroes.to_schema(hero, schema_type=HeroRead))

    async def update(self, key: int, payload: HeroUpdate) -> bytes:
        async with self.session() as session:
            heroes = AdvancedHeroService(session=session)
            hero = await heroes.update(payload, item_id=key, auto_commit=True)
            return _bytes(heroes.to_schema(hero, schema_type=HeroRead))


class FastcrudWrites(EngineContestant, WriteContestant):
    """``FastCRUD``, which commits by itself, with ``return_as_model``."""

    name: ClassVar[str] = "FastCRUD"

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.heroes: Any = FastCRUD(mapped.Hero)

    async def create(self, payload: HeroCreate) -> bytes:
        async with self.session() as session:
            hero = await self.heroes.create(
                session, payload, schema_to_select=HeroRead, return_as_model=True
            )
        return _bytes(hero)

    async def update(self, key: int, payload: HeroUpdate) -> bytes:
        async with self.session() as session:
            hero = await self.heroes.update(
                session, payload, schema_to_select=HeroRead, return_as_model=True, id=key
            )
        return _bytes(hero)


class EntityWrites(DatabaseContestant, WriteContestant):
    """Colonnade's objects, made into a schema as the ORM's are."""

    name: ClassVar[str] = "Colonnade, entities"

    async def create(self, payload: HeroCreate) -> bytes:
        async with self.db.session() as session:
            hero = await HeroService(session).create(payload)
        return _dumped(hero)

    async def update(self, key: int, payload: HeroUpdate) -> bytes:
        async with self.db.session() as session:
            hero = await HeroService(session).update(key, payload)
        return _dumped(hero)


class IntoWrites(DatabaseContestant, WriteContestant):
    """The schema that ``into=`` names, filled from what was stored."""

    name: ClassVar[str] = "Colonnade, into(Schema)"

    async def create(self, payload: HeroCreate) -> bytes:
        async with self.db.session() as session:
            return _bytes(await HeroService(session).create(payload, into=HeroRead))

    async def update(self, key: int, payload: HeroUpdate) -> bytes:
        async with self.db.session() as session:
            return _bytes(await HeroService(session).update(key, payload, into=HeroRead))


def _dumped(hero: object) -> bytes:
    """Return what an endpoint makes of an object."""
    return _bytes(HeroRead.model_validate(hero))


def _bytes(hero: HeroRead) -> bytes:
    return hero.model_dump_json().encode()
