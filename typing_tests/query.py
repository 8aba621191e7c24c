# pyright: reportUnnecessaryTypeIgnoreComment=true
"""What a type checker infers of services, queries and projections; checked, never run."""

from __future__ import annotations

from typing import assert_type

from pydantic import BaseModel
from sqlmodel import Field, SQLModel

from colonnade import Page, Projection, Query, ServiceBase, Session


class Team(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str


class Hero(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    team_id: int | None = Field(default=None, foreign_key="team.id")


class HeroCreate(BaseModel):
    name: str


class HeroUpdate(BaseModel):
    name: str | None = None


class TeamRead(BaseModel):
    name: str


class HeroWithTeam(SQLModel):
    name: str
    team: TeamRead | None


class HeroService(ServiceBase[Hero, HeroCreate, HeroUpdate]):
    async def by_name(self, name: str) -> Hero:
        return await self.where(name=name).one()


async def keys(heroes: HeroService) -> None:
    assert_type(await heroes.get(1), Hero)
    assert_type(await heroes.get(1, load=["team"]), Hero)
    assert_type(await heroes.get_or_none(1), Hero | None)
    assert_type(await heroes.get_many([3, 1]), list[Hero])
    assert_type(await heroes.by_name("x"), Hero)


async def queries(heroes: HeroService) -> None:
    query = heroes.where({"age__gte": 3}, name__icontains="x")
    assert_type(query, Query[Hero])
    assert_type(query.order_by("-name").limit(3).offset(1).load("team"), Query[Hero])
    assert_type(await query.all(), list[Hero])
    assert_type(await query.first(), Hero | None)
    assert_type(await query.one(), Hero)
    assert_type(await query.one_or_none(), Hero | None)
    assert_type(await query.get(1), Hero)
    assert_type(await query.count(), int)
    assert_type(await query.exists(), bool)
    page = await query.page(2, size=50)
    assert_type(page, Page[Hero])
    assert_type(page.items, list[Hero])
    assert_type(page.total, int | None)


async def projections(heroes: HeroService) -> None:
    projection = heroes.into(HeroWithTeam)
    assert_type(projection, Projection[HeroWithTeam])
    assert_type(heroes.where(name="x").into(HeroWithTeam), Projection[HeroWithTeam])
    assert_type(projection.where(name="x").order_by("name").limit(1), Projection[HeroWithTeam])
    assert_type(await projection.all(), list[HeroWithTeam])
    assert_type(await projection.first(), HeroWithTeam | None)
    assert_type(await projection.one(), HeroWithTeam)
    assert_type(await projection.one_or_none(), HeroWithTeam | None)
    assert_type(await projection.get(1), HeroWithTeam)
    assert_type(await projection.page(), Page[HeroWithTeam])
    assert_type(await projection.json.all(), bytes)
    assert_type(await projection.json.get(1), bytes)
    assert_type(await projection.json.one(), bytes)
    assert_type(await projection.json.page(2), bytes)


async def writes(session: Session) -> None:
    heroes = HeroService(session)
    assert_type(await heroes.create(HeroCreate(name="x")), Hero)
    assert_type(await heroes.create({"name": "x"}), Hero)
    assert_type(await heroes.create_many([HeroCreate(name="x"), {"name": "y"}]), list[Hero])
    assert_type(await heroes.update(1, HeroUpdate(name="x"), version=3), Hero)
    assert_type(await heroes.delete(1), None)


async def refused(heroes: HeroService) -> None:
    """Each line is an error: mypy and pyright report an ignore that nothing needs."""
    projection = heroes.into(HeroWithTeam)
    projection.load("team")  # type: ignore[attr-defined]
    projection.update_all({})  # type: ignore[attr-defined]
    heroes.into(int)  # type: ignore[type-var]
    await heroes.create(HeroUpdate())  # type: ignore[arg-type]
    await heroes.update(1, 3)  # type: ignore[arg-type]
    await heroes.where().page(count="all")  # type: ignore[arg-type]
