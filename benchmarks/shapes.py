"""What a repeated question costs: Colonnade's statement by shape, and the same built by hand.

Five lookups, one over a relation, an order and a limit. First the preparation alone: from the
lookups to a statement and its parameters. Then end to end on SQLite, through the same session.
CPU time of this process, in which SQLite's own thread counts too; the ways take turns.
"""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any, Optional

from pydantic import BaseModel
from sqlalchemy import insert
from sqlmodel import Field, Relationship, SQLModel, select

from colonnade import Database, ServiceBase, Session
from colonnade.query import Query
from colonnade.spec import select_entities
from record import keep

ROUNDS = 25
PREPARED = 400
ASKED = 60
ROWS = 1000


class Team(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str


class Hero(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    age: int
    active: bool
    team_id: int = Field(foreign_key="team.id")
    team: Optional[Team] = Relationship()  # noqa: UP045 # SQLModel wants it for relations


class HeroCreate(BaseModel):
    name: str


class HeroService(ServiceBase[Hero, HeroCreate, HeroCreate]):
    pass


HERO: Any = Hero
TEAM: Any = Team


def asked(heroes: HeroService, age: int) -> Query[Hero]:
    """Ask by lookups."""
    query = heroes.where(
        age__gte=age, age__lt=age + 20, active=True, name__ne="nobody", team__name__in=["a", "b"]
    )
    return query.order_by("-age").limit(20)


def built(age: int) -> Any:
    """Build the same by hand, as one would in an endpoint."""
    return (
        select(Hero)
        .outerjoin(HERO.team)
        .where(
            HERO.age >= age,
            HERO.age < age + 20,
            HERO.active == True,  # noqa: E712 # SQL's, not Python's
            HERO.name != "nobody",
            TEAM.name.in_(["a", "b"]),
        )
        .order_by(HERO.age.desc(), HERO.id.desc())
        .limit(20)
    )


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with Database(f"sqlite:///{Path(folder, 'shapes.db')}") as database:
            await database.create_all()
            async with database.session() as session:
                await fill(session)
            async with database.reader() as session:
                await compare(session)


async def fill(session: Session) -> None:
    await session.execute(insert(Team), [{"name": name} for name in "abc"])
    rows = [
        {"name": str(i), "age": i % 90, "active": i % 2 == 0, "team_id": 1 + i % 3}
        for i in range(ROWS)
    ]
    await session.execute(insert(Hero), rows)


async def compare(session: Session) -> None:
    heroes = HeroService(session)

    async def prepared_by_shape(age: int) -> object:
        spec = asked(heroes, age)._spec
        return select_entities(spec), spec.parameters

    async def prepared_by_hand(age: int) -> object:
        return built(age)

    async def asked_by_shape(age: int) -> object:
        return await asked(heroes, age).all()

    async def asked_by_hand(age: int) -> object:
        return (await session.exec(built(age))).all()

    assert await asked_by_shape(20) == await asked_by_hand(20) != []
    measured = {
        "to a statement and its parameters": await interleaved(
            {"shape": prepared_by_shape, "by hand": prepared_by_hand}, PREPARED
        ),
        "end to end on SQLite, 20 objects": await interleaved(
            {"shape": asked_by_shape, "by hand": asked_by_hand}, ASKED
        ),
    }
    for title, medians in measured.items():
        report(title, medians)
    keep(shapes=measured)


async def interleaved(
    ways: dict[str, Callable[[int], Awaitable[object]]], times: int
) -> dict[str, float]:
    """Return each way's median CPU time in microseconds, after one round to warm up."""
    spent: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(ROUNDS + 1):
        for way, ask in ways.items():
            started = process_time()
            for number in range(times):
                await ask(number % 70)
            spent[way].append((process_time() - started) / times * 1e6)
    return {way: median(measured[1:]) for way, measured in spent.items()}


def report(title: str, medians: dict[str, float]) -> None:
    print(f"\n{title}: CPU µs (median of {ROUNDS} rounds)")
    for way, microseconds in medians.items():
        print(
            f"  {way:<10} {microseconds:8.1f}   {microseconds / medians['by hand']:5.2f} × by hand"
        )


if __name__ == "__main__":
    asyncio.run(main())
