"""What a type checker knows of a database and its sessions; checked, never run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_type

from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import Field, SQLModel, select
from sqlmodel.ext.asyncio.session import AsyncSession

from colonnade import Database, Reader, Session
from colonnade.engine.pool import Health, PoolStatus


class Hero(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str


async def add(session: Session) -> Hero:
    hero = Hero(name="Deadpond")
    session.add(hero)
    return hero


async def count(session: AsyncSession) -> int:
    return len((await session.exec(select(Hero))).all())


async def sessions(db: Database) -> None:
    async with db.session() as session:
        assert_type(session, Session)
        assert_type((await session.exec(select(Hero))).all(), Sequence[Hero])
        assert_type(await session.get(Hero, 1), Hero | None)
        await count(session)
        async with session.savepoint():
            session.add(Hero(name="Rusty-Man"))
    async with db.reader(snapshot=True) as reader:
        assert_type(reader, Reader)
        await add(reader)


async def units(db: Database) -> None:
    assert_type(await db.run(add), Hero)
    assert_type(await db.run(add, attempts=3, timeout=10, isolation="serializable"), Hero)


async def operation(db: Database) -> None:
    assert_type(await db.check(timeout=1), Health)
    assert_type(db.pool(), PoolStatus)
    assert_type(db.engine, AsyncEngine)
    await db.close()


async def opened() -> None:
    async with Database("sqlite:///shop.db") as db:
        assert_type(db, Database)
    assert_type(Database.from_env(), Database)
