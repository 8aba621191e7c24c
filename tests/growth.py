"""Asks thousands of questions of as many shapes, and tells what the process keeps of them.

``python -m tests.growth URL SHAPES`` in a process of its own, whose memory nobody else fills. What
it prints is JSON: megabytes at their highest, beyond those of the first questions, and how much
the caches hold.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from collections.abc import Iterator
from itertools import islice, permutations, product
from operator import add
from typing import Any

from pydantic import BaseModel
from tests.guild import Base, Hero

from colonnade import Database, any_of
from colonnade.query import Query
from colonnade.schemas import Rows
from colonnade.session.session import Session
from colonnade.spec import STATEMENTS, Shape, Spec

#: Shapes asked before the memory is looked at; of the others a session asks one in so many.
FIRST = 100
WRITTEN = 10
#: One in so many is a large one, and one in so many has as many conditions as this.
LARGE = 20
HUGE = 2_500
CONDITIONS = 1_000

COLUMNS = (
    "id",
    "name",
    "slug",
    "age",
    "height",
    "fee",
    "active",
    "kind",
    "born",
    "seen",
    "badge",
    "team_id",
    "mentor_id",
)
TEXTS = ("", "__ne", "__gt", "__lt", "__contains", "__icontains", "__startswith", "__endswith")
FIELDS = ("name", "slug", "team__name", "mentor__name", "team__city__name", "mentor__team__motto")


class MissionRead(BaseModel):
    id: int
    title: str


class HeroName(BaseModel):
    name: str


class HeroRead(HeroName):
    id: int
    missions: list[MissionRead]


def small(heroes: Query[Hero]) -> Iterator[Query[Hero]]:
    """Questions that differ in their order and their size."""
    signs = tuple(product(("", "-"), repeat=3))
    for number, (names, sign) in enumerate(product(permutations(COLUMNS, 3), signs)):
        yield heroes.order_by(*map(add, sign, names)).limit(number % 1000 + 1)


def large(heroes: Query[Hero]) -> Iterator[Query[Hero]]:
    """Questions that differ in their conditions, along relations too."""
    for one, how, other, too in product(FIELDS, TEXTS, FIELDS, TEXTS):
        yield heroes.where(any_of({one + how: "x"}, {other + too: "y"}, id__lt=0))


def huge(heroes: Query[Hero], number: int) -> Query[Hero]:
    """A question of very many conditions: another one with each number."""
    return heroes.where(any_of(*({"age": place} for place in range(CONDITIONS + number // HUGE))))


async def ask(number: int, query: Query[Hero]) -> None:
    """Ask a large question in one of the ways that there are."""
    match number % 4:
        case 0:
            await query.all()
        case 1:
            await query.into(HeroRead, missions=Rows(limit=number + 1)).all()
        case 2:
            await query.into(HeroRead).json.all()
        case _:
            await query.count()


class Driver:
    """Asks one question after the other, and none twice."""

    def __init__(self) -> None:
        self._number = 0

    async def drive(self, session: Session, count: int) -> None:
        """Ask so many of the session."""
        heroes = Query[Hero](session, Spec(Shape(Hero)))
        begun = self._number
        self._number += count
        few = islice(small(heroes), begun - begun // LARGE, None)
        many = islice(large(heroes), begun // LARGE, None)
        for number in range(begun, begun + count):
            if number % HUGE == HUGE - 1:
                await huge(heroes, number).into(HeroName).all()
            elif number % LARGE == LARGE - 1:
                await ask(number // LARGE, next(many))
            else:
                await next(few).into(HeroName).all()


async def main(url: str, shapes: int) -> None:
    async with Database(url) as database:
        async with database.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        driver = Driver()
        async with database.reader() as session:
            await driver.drive(session, FIRST)
        before = peak()
        async with database.reader() as session:
            await driver.drive(session, shapes - shapes // WRITTEN)
            kept = {"reader": kept_by(session)}
        async with database.session() as session:
            await driver.drive(session, shapes // WRITTEN)
            kept["session"] = kept_by(session)
    told = {"megabytes": peak() - before, "built": len(STATEMENTS), **kept}
    sys.stdout.write(json.dumps(told))


def kept_by(session: Session) -> int:
    """How many compiled statements the session's engine keeps."""
    bind: Any = session.bind
    return len(bind.sync_engine._compiled_cache)


def peak() -> float:
    """Megabytes of memory at their highest."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
