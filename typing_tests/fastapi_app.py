"""What a type checker knows of services in path operations; checked, never run."""

from __future__ import annotations

from typing import Annotated, assert_type

from fastapi import APIRouter, FastAPI
from fastapi.params import Depends
from pydantic import BaseModel
from sqlmodel import Field, SQLModel

from colonnade import Database, Page, ServiceBase, Session
from colonnade.errors import NotFound
from colonnade.fastapi import (
    connect,
    crud_router,
    provide,
    provide_database,
    provide_session,
    status_of,
)


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


class HeroService(ServiceBase[Hero, HeroCreate, HeroUpdate]):
    async def by_name(self, name: str) -> Hero:
        return await self.where(name=name).one()


Heroes = Annotated[HeroService, provide(HeroService)]
HeroReads = Annotated[HeroService, provide(HeroService, read=True)]

app = FastAPI()
connect(app, Database("sqlite:///shop.db"), ready=None, problems="database")


@app.post("/heroes")
async def create(body: HeroCreate, heroes: Heroes) -> HeroRead:
    assert_type(heroes, HeroService)
    hero = await heroes.create(body)
    assert_type(hero, Hero)
    return await heroes.into(HeroRead).get(hero.id)


@app.get("/heroes")
async def page(heroes: HeroReads) -> Page[HeroRead]:
    assert_type(heroes, HeroService)
    return await heroes.into(HeroRead).page(1)


@app.get("/count")
async def count(
    session: Annotated[Session, provide_session()],
    reader: Annotated[Session, provide_session(read=True)],
    db: Annotated[Database, provide_database()],
) -> int:
    assert_type(session, Session)
    assert_type(db, Database)
    return await HeroService(reader).where().count()


def markers() -> None:
    assert_type(provide(HeroService), Depends)
    assert_type(crud_router(HeroService, read=HeroRead, routes=["get", "page"]), APIRouter)
    assert_type(status_of(NotFound), int)
    provide(Hero)  # type: ignore[arg-type] # a model is no service  # pyright: ignore[reportArgumentType]
    crud_router(HeroService, read=HeroRead, routes=["put"])  # type: ignore[list-item] # no such route  # pyright: ignore[reportArgumentType]
