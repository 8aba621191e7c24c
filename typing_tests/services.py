# pyright: reportUnnecessaryTypeIgnoreComment=true
"""What a type checker says of services: fewer schemas, methods overridden, what cannot be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, assert_type

from pydantic import BaseModel
from sqlmodel import Field, SQLModel

import colonnade
from colonnade import CursorPage, Database, Page, Query, ServiceBase, Session, Slice


class Hero(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str


class HeroCreate(BaseModel):
    name: str


class HeroUpdate(BaseModel):
    name: str | None = None


class HeroRead(BaseModel):
    id: int
    name: str


class ReadOnly(ServiceBase[Hero]):
    """Reads, and deletes."""


class AppendOnly(ServiceBase[Hero, HeroCreate]):
    """Reads and creates."""


class HeroService(ServiceBase[Hero, HeroCreate, HeroUpdate]):
    """Its own way of writing, in front of the one that is there."""

    async def create(self, payload: HeroCreate | Mapping[str, Any], **options: Any) -> Hero:
        hero = await super().create(payload, **options)
        assert_type(hero, Hero)
        return hero

    async def create_many(
        self, payloads: Iterable[HeroCreate | Mapping[str, Any]], **options: Any
    ) -> list[Hero]:
        heroes: Any = await super().create_many(payloads, **options)
        return list(heroes)

    async def update(
        self, key: Any, payload: HeroUpdate | Mapping[str, Any], **options: Any
    ) -> Hero:
        hero: Hero = await super().update(key, payload, **options)
        return hero

    async def delete(self, key: Any) -> None:
        await super().delete(key)


class AnyAnswer(ServiceBase[Hero, HeroCreate, HeroUpdate]):
    """The same with the parameters written out."""

    async def create(
        self,
        payload: HeroCreate | Mapping[str, Any],
        *,
        into: type[BaseModel] | None = None,
        given: Mapping[str, Any] | None = None,
    ) -> Any:
        if into is None:
            return await super().create(payload)
        return await super().create(payload, into=into, given=given)


async def writes(session: Session) -> None:
    heroes = HeroService(session)
    assert_type(await heroes.create(HeroCreate(name="x")), Hero)
    assert_type(await heroes.create_many([{"name": "x"}]), list[Hero])
    assert_type(await heroes.update(1, {"name": "x"}), Hero)
    assert_type(await AppendOnly(session).create(HeroCreate(name="x")), Hero)


async def made(heroes: ServiceBase[Hero, HeroCreate, HeroUpdate]) -> HeroRead:
    created: list[HeroRead] = await heroes.create_many([{"name": "x"}], into=HeroRead)
    changed: HeroRead = await heroes.update(1, {"name": "x"}, into=HeroRead, given={"viewer": 1})
    return created[0] if created else changed


async def reads(session: Session) -> None:
    heroes = ReadOnly(session)
    assert_type(await heroes.get(1), Hero)
    assert_type(await heroes.all(), list[Hero])
    assert_type(await heroes.first(), Hero | None)
    assert_type(await heroes.count(), int)
    assert_type(await heroes.exists(), bool)
    assert_type(heroes.order_by("-name"), Query[Hero])
    assert_type(heroes.load("team").limit(3), Query[Hero])
    assert_type(await heroes.page(2), Page[Hero])
    assert_type(await heroes.slice(offset=20), Slice[Hero])
    assert_type(await heroes.scroll(), CursorPage[Hero])
    async for hero in heroes.stream():
        assert_type(hero, Hero)


async def refused(db: Database, heroes: HeroService) -> None:
    """Each line is an error: mypy and pyright report an ignore that nothing needs."""
    _ = colonnade.Nonsense  # type: ignore[attr-defined]
    heroes.filter(name="x")  # type: ignore[attr-defined]
    heroes.where().filter(name="x")  # type: ignore[attr-defined]
    await heroes.where()  # type: ignore[misc]
    len(heroes.where())  # type: ignore[arg-type]
    db.session().add(Hero(name="x"))  # type: ignore[attr-defined]
    await ReadOnly(db.session()).all()  # type: ignore[arg-type]
