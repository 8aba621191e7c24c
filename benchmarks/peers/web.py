"""The application that is measured over HTTP: plain FastAPI and Colonnade, side by side.

Served by one uvicorn worker; DATABASE_URL says what it reads.
"""

# No `from __future__ import annotations` here: FastAPI reads the annotations of endpoints.
import os
from collections.abc import AsyncGenerator, Sequence
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Response
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import selectinload

from colonnade import Database
from colonnade.fastapi import connect, provide
from peers import mapped
from peers.connections import engine_url
from peers.contestant import LIST, PARENTS, age_of, first_of
from peers.ours import HeroService, TeamService
from peers.schemas import HeroRead, TeamWithHeroes

URL = os.environ["DATABASE_URL"]

app = FastAPI()
connect(app, Database(URL))
sessions = async_sessionmaker(create_async_engine(engine_url(URL)), expire_on_commit=False)


async def session() -> AsyncGenerator[AsyncSession]:
    async with sessions() as opened:
        yield opened


Plain = Annotated[AsyncSession, Depends(session)]
Heroes = Annotated[HeroService, provide(HeroService, read=True)]
Teams = Annotated[TeamService, provide(TeamService, read=True)]


@app.get("/plain/heroes/{key}", response_model=HeroRead)
async def plain_hero(session: Plain, key: int) -> mapped.Hero:
    hero = await session.get(mapped.Hero, key)
    if hero is None:
        raise HTTPException(404)
    return hero


@app.get("/plain/heroes", response_model=list[HeroRead])
async def plain_heroes(session: Plain, number: int) -> Sequence[mapped.Hero]:
    hero = mapped.Hero
    asked = select(hero).where(hero.active, hero.age >= age_of(number))
    return (await session.scalars(asked.order_by(hero.id.desc()).limit(LIST))).all()


@app.get("/plain/teams", response_model=list[TeamWithHeroes])
async def plain_teams(session: Plain, number: int) -> Sequence[mapped.Team]:
    team = mapped.Team
    asked = select(team).where(team.id >= first_of(number)).order_by(team.id).limit(PARENTS)
    return (await session.scalars(asked.options(selectinload(team.heroes)))).all()


@app.get("/colonnade/heroes/{key}", response_model=HeroRead)
async def hero(heroes: Heroes, key: int) -> Response:
    found = await heroes.into(HeroRead).json.get(key)
    return Response(found, media_type="application/json")


@app.get("/colonnade/heroes", response_model=list[HeroRead])
async def heroes(heroes: Heroes, number: int) -> Response:
    found = await heroes.newest(number).limit(LIST).into(HeroRead).json.all()
    return Response(found, media_type="application/json")


@app.get("/colonnade/teams", response_model=list[TeamWithHeroes])
async def teams(teams: Teams, number: int) -> Response:
    found = await teams.from_first(number).into(TeamWithHeroes).json.all()
    return Response(found, media_type="application/json")
