# pyright: reportUnnecessaryTypeIgnoreComment=true
"""What a type checker infers of services, queries and projections; checked, never run."""

from __future__ import annotations

from typing import Annotated, Any, assert_type

from pydantic import BaseModel
from sqlalchemy import Index
from sqlmodel import Field, SQLModel, select

from colonnade import (
    Avg,
    Count,
    CursorPage,
    Group,
    Max,
    Page,
    Plan,
    Projection,
    Query,
    Rows,
    ServiceBase,
    Session,
    Slice,
    check_schema,
    scroll_index,
)


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


class TeamStats(BaseModel):
    team: Annotated[str | None, Group("team.name")]
    heroes: Annotated[int, Count()]
    active: Annotated[int, Count("name", distinct=True).where(name__ne="x")]
    last: Annotated[str | None, Max("name")]
    mean: Annotated[float | None, Avg("id")]


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
    assert_type(query.load("team", missions=Rows("-year")), Query[Hero])
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
    assert_type(await query.slice(offset=1, limit=2), Slice[Hero])
    assert_type(page.total, int | None)
    scrolled = await query.scroll(size=50, after=None)
    assert_type(scrolled, CursorPage[Hero])
    assert_type((await query.scroll(before=scrolled.previous)).items, list[Hero])
    assert_type(scrolled.next, str | None)
    assert_type(scroll_index(Hero, "-name"), Index)


async def projections(heroes: HeroService) -> None:
    projection = heroes.into(HeroWithTeam)
    assert_type(projection, Projection[HeroWithTeam])
    assert_type(heroes.where(name="x").into(HeroWithTeam), Projection[HeroWithTeam])
    assert_type(projection.where(name="x").order_by("name").limit(1), Projection[HeroWithTeam])
    assert_type(heroes.into(HeroWithTeam, depth=2, team=Rows()), Projection[HeroWithTeam])
    assert_type(await projection.all(), list[HeroWithTeam])
    assert_type(await projection.first(), HeroWithTeam | None)
    assert_type(await projection.one(), HeroWithTeam)
    assert_type(await projection.one_or_none(), HeroWithTeam | None)
    assert_type(await projection.get(1), HeroWithTeam)
    assert_type(await projection.page(), Page[HeroWithTeam])
    assert_type(projection.given(viewer=7), Projection[HeroWithTeam])
    assert_type(await projection.slice(), Slice[HeroWithTeam])
    assert_type(await projection.json.slice(limit=2), bytes)
    assert_type(await projection.json.all(), bytes)
    assert_type(await projection.json.get(1), bytes)
    assert_type(await projection.json.one(), bytes)
    assert_type(await projection.scroll(), CursorPage[HeroWithTeam])
    assert_type(await projection.json.page(2), bytes)
    assert_type(await projection.json.scroll(after="x"), bytes)


async def aggregates(heroes: HeroService) -> None:
    stats = heroes.where(name="x").into(TeamStats)
    assert_type(stats, Projection[TeamStats])
    assert_type(stats.having(heroes__gte=3).order_by("-heroes"), Projection[TeamStats])
    assert_type(await stats.all(), list[TeamStats])
    assert_type((await stats.one()).heroes, int)
    assert_type((await stats.one()).last, str | None)
    assert_type(await stats.get("League"), TeamStats)
    assert_type(await stats.page(), Page[TeamStats])


async def writes(session: Session) -> None:
    heroes = HeroService(session)
    assert_type(await heroes.create(HeroCreate(name="x")), Hero)
    assert_type(await heroes.create({"name": "x"}), Hero)
    assert_type(await heroes.create_many([HeroCreate(name="x"), {"name": "y"}]), list[Hero])
    assert_type(await heroes.update(1, HeroUpdate(name="x"), version=3), Hero)
    assert_type(await heroes.delete(1), None)
    assert_type(await heroes.create(HeroCreate(name="x"), into=HeroWithTeam), HeroWithTeam | Any)
    assert_type(
        await heroes.create_many([{"name": "y"}], into=HeroWithTeam), list[HeroWithTeam] | Any
    )
    assert_type(await heroes.create_many([{"name": "y"}], returning=True), list[Hero])
    assert_type(await heroes.create_many([{"name": "y"}], returning=False), int | Any)
    assert_type(await heroes.update(1, {"name": "z"}, into=HeroWithTeam), HeroWithTeam | Any)


async def selects(session: Session) -> None:
    assert_type(await session.read(select(Hero.name), into=TeamRead), list[TeamRead])
    found = await session.read(select(Hero), into=HeroWithTeam, depth=2, heroes=Rows("name"))
    assert_type(found, list[HeroWithTeam])
    assert_type(check_schema(Hero, HeroWithTeam), Plan)


async def refused(heroes: HeroService) -> None:
    """Each line is an error: mypy and pyright report an ignore that nothing needs."""
    projection = heroes.into(HeroWithTeam)
    projection.load("team")  # type: ignore[attr-defined]
    projection.update_all({})  # type: ignore[attr-defined]
    heroes.into(int)  # type: ignore[type-var]
    heroes.into(HeroWithTeam, heroes=3)  # type: ignore[arg-type]
    await heroes.create({}, into=int)  # type: ignore[type-var]
    await heroes.create(HeroUpdate())  # type: ignore[call-overload]
    await heroes.update(1, 3)  # type: ignore[call-overload]
    await heroes.where().page(count="all")  # type: ignore[arg-type]
