"""Count what four usual calls walk through in the package: modules, and hops between them."""

import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, Optional

import httpx
from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import MetaData
from sqlalchemy.orm import registry
from sqlmodel import Field, Relationship, SQLModel

from colonnade import Database, ServiceBase
from colonnade.fastapi import connect, crud_router

METADATA: Final = MetaData()


class Base(SQLModel, registry=registry(metadata=METADATA)):
    pass


class Team(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str


class Hero(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    age: int
    team_id: int | None = Field(default=None, foreign_key="team.id")
    team: Optional[Team] = Relationship()  # noqa: UP045 # SQLModel wants it for relations


class HeroCreate(BaseModel):
    name: str
    age: int
    team_id: int | None = None


class HeroUpdate(BaseModel):
    age: int | None = None


class TeamRead(BaseModel):
    name: str


class HeroRead(BaseModel):
    id: int
    name: str
    team: TeamRead | None


class HeroService(ServiceBase[Hero, HeroCreate, HeroUpdate]):
    pass


async def measure_walks(package: Path) -> dict[str, dict[str, int]]:
    """Return, for four warm calls on SQLite, how many modules they visit and the hops between."""
    with tempfile.TemporaryDirectory() as folder:
        db = Database(f"sqlite:///{folder}/house.db", metadata=METADATA)
        await db.create_all()
        async with db.session() as session:
            session.add(Team(name="x"))
        app = FastAPI()
        connect(app, db)
        app.include_router(crud_router(HeroService, read=HeroRead, prefix="/heroes"))
        transport = httpx.ASGITransport(app)
        async with (
            db.session() as session,
            httpx.AsyncClient(transport=transport, base_url="http://house") as client,
        ):
            heroes = HeroService(session)
            await heroes.create_many([{"name": "a", "age": 20, "team_id": 1}] * 3)
            await session.commit()

            new = {"name": "b", "age": 30}

            async def look_up() -> None:
                str(heroes.where(age__gte=18, team__name="x").statement())

            async def get() -> None:
                (await client.get("/heroes/1")).raise_for_status()

            return {
                "lookup to SQL": await walk(package, look_up),
                "rows to JSON": await walk(package, lambda: heroes.into(HeroRead).json.all()),
                "GET by crud_router": await walk(package, get),
                "create to INSERT": await walk(package, lambda: heroes.create(new)),
            }


async def walk(package: Path, call: Callable[[], Awaitable[object]]) -> dict[str, int]:
    """Return the modules that a warm call visits, and how often a call leads to another one."""
    for _ in range(5):
        await call()
    visited: list[str] = []
    inside = f"{package}/"

    def note(frame: Any, event: str, _argument: object) -> None:
        if event == "call":
            path = frame.f_code.co_filename
            if path.startswith(inside) and (not visited or visited[-1] != path):
                visited.append(path)

    sys.setprofile(note)
    try:
        await call()
    finally:
        sys.setprofile(None)
    return {"modules": len({*visited}), "hops": max(0, len(visited) - 1)}
