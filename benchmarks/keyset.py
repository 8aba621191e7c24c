"""What a page deep in a long list costs: by keyset, by OFFSET, and by the OR that one writes first.

The list is 336,776 flights, the longest first. On each database a page of 50 is read each way after
row 10, 100,000 and 300,000; all ways must find the same flights. The three rows of one way take
turns: beside an OFFSET that reads the whole table, every other way pays for emptied caches.

    scripts/bench keyset [--database sqlite] [--rounds 25]
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Final

from pydantic import BaseModel, TypeAdapter
from sqlalchemy import text

from colonnade import Database
from colonnade.query import Projection
from flights.data import Flights13, find_folder
from flights.load import is_loaded, load
from flights.models import Flight
from flights.services import FlightService
from peers.clock import measure_medians
from peers.databases import empty
from record import DOCS, keep

DATABASES: Final = ("postgresql", "sqlite", "mariadb")
ROWS: Final = (10, 100_000, 300_000)
SIZE: Final = 50
STRIDE: Final = 1000
#: What makes any of the three ways fast; DESC, since the order is mixed.
INDEX: Final = "CREATE INDEX ix_flight_longest ON flight (distance DESC, id)"
#: Right, and slow: no database finds the place in an index from an OR.
NAIVE: Final = text(f"""
    SELECT id, number, day, distance FROM flight
    WHERE distance < :distance OR (distance = :distance AND id > :id)
    ORDER BY distance DESC, id LIMIT {SIZE}
""")

Ask = Callable[[int], Awaitable[bytes]]


class Leg(BaseModel):
    id: int
    number: int
    day: date
    distance: int


LEGS: Final = TypeAdapter(list[Leg])


async def run(databases: list[str], rounds: int) -> dict[str, dict[str, dict[str, float]]]:
    """Milliseconds by database, row and way."""
    measured: dict[str, dict[str, dict[str, float]]] = {}
    for database in databases:
        with empty(database) as url:
            async with Database(url) as db:
                await prepare(db)
                measured[database] = found = await compare(db, rounds)
        report(database, found)
    return measured


async def prepare(db: Database) -> None:
    await is_loaded(db)
    await load(db, Flights13(find_folder()), lambda _name, _rows: None)
    analyze = "ANALYZE TABLE flight" if db.family == "mysql" else "ANALYZE"
    async with db.session() as session:
        await session.execute(text(INDEX))
    async with db.session() as session:
        await session.execute(text(analyze))


async def compare(db: Database, rounds: int) -> dict[str, dict[str, float]]:
    asked: dict[str, dict[str, Ask]] = {}
    for row in ROWS:
        last, cursor = await stand(db, row)
        ways = asked[str(row)] = asks(db, row, last, cursor)
        answers = {name: await ask(0) for name, ask in ways.items()}
        if len(set(answers.values())) != 1:
            raise SystemExit(f"after row {row:,} not all find the same flights")
    measured: dict[str, dict[str, float]] = {place: {} for place in asked}
    for name in asked[str(ROWS[0])]:
        found = await measure_medians({place: ways[name] for place, ways in asked.items()}, rounds)
        for place, milliseconds in found.items():
            measured[place][name] = milliseconds
    return measured


def longest(service: FlightService) -> Projection[Leg]:
    return service.where().order_by("-distance", "id").into(Leg)


async def stand(db: Database, row: int) -> tuple[Leg, str]:
    """The row with this number, from 1, and the cursor that stands after it."""
    async with db.reader() as session:
        cursor = None
        left = row
        while True:
            size = min(left, STRIDE)
            page = await longest(FlightService(session)).scroll(size=size, after=cursor)
            cursor, left = page.next, left - size
            if not left:
                assert cursor is not None
                return page.items[-1], cursor


def asks(db: Database, row: int, last: Leg, cursor: str) -> dict[str, Ask]:
    async def keyset(_: int) -> bytes:
        async with db.reader() as session:
            page = await longest(FlightService(session)).scroll(size=SIZE, after=cursor)
        return LEGS.dump_json(page.items)

    async def offset(_: int) -> bytes:
        async with db.reader() as session:
            asked = longest(FlightService(session)).limit(SIZE).offset(row)
            return LEGS.dump_json(await asked.all())

    async def naive(_: int) -> bytes:
        values = {"distance": last.distance, "id": last.id}
        async with db.reader() as session:
            found = (await session.execute(NAIVE, values)).mappings().all()
        return LEGS.dump_json(LEGS.validate_python([dict(leg) for leg in found]))

    return {"scroll": keyset, "OFFSET": offset, "OR": naive}


def report(database: str, found: dict[str, dict[str, float]]) -> None:
    print(f"\n{database}: a page of {SIZE} of the {Flight.__tablename__}s, ms")
    print(f"  {'after row':<12}" + "".join(f"{name:>12}" for name in found[str(ROWS[0])]))
    for row, ways in found.items():
        print(f"  {int(row):<12,}" + "".join(f"{value:>12.2f}" for value in ways.values()))
    flat = [ways["scroll"] for ways in found.values()]
    print(f"  scroll: the slowest is {max(flat) / min(flat):.2f} × the fastest (at most 1.5)")


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench keyset")
    parser.add_argument("--database", action="append", choices=DATABASES)
    parser.add_argument("--rounds", type=int, default=15, help="turns of each way")
    given = parser.parse_args()
    measured = asyncio.run(run(given.database or list(DATABASES), given.rounds))
    if not given.database:
        keep(keyset=measured)
        print(f"\nwritten: {DOCS}")


if __name__ == "__main__":
    main()
