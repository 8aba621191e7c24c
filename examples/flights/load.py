"""An empty database is filled from the files: with every row, or with none."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sqlalchemy import text
from sqlmodel import SQLModel

from colonnade import Database
from colonnade.writing import bulk_insert
from flights.data import Flights13
from flights.models import Airline, Airport, Flight, Plane, Weather
from flights.services import FlightService

#: The tables, each after those that it refers to.
TABLES: dict[str, type[SQLModel]] = {
    "airlines": Airline,
    "airports": Airport,
    "planes": Plane,
    "weather": Weather,
    "flights": Flight,
}

#: Called with the table's name and how many of its rows there are so far.
Progress = Callable[[str, int], object]


@dataclass(frozen=True)
class Loaded:
    rows: int
    seconds: float


async def is_loaded(db: Database) -> bool:
    """Whether the flights are there; the tables are, from now on."""
    await db.create_all()
    async with db.reader() as session:
        return await FlightService(session).where().exists()


async def load(db: Database, data: Flights13, progress: Progress) -> Loaded:
    """Insert every row in one unit of work: an interrupted load leaves nothing behind."""
    begun = time.monotonic()
    rows = 0
    async with db.session() as session:
        if db.family == "sqlite":
            # In KiB: without it, the indexes of a unit this large go to the disk and back.
            await session.execute(text("PRAGMA cache_size = -32768"))
        for name, model in TABLES.items():
            rows += await bulk_insert(
                session, model, data.rows(name), progress=partial(progress, name)
            )
        if db.family == "sqlite":
            # Servers count by themselves. Without figures SQLite takes any index that will do: a
            # plane's flights to LAX may be looked for among all flights to LAX, for each plane.
            await session.execute(text("ANALYZE"))
    return Loaded(rows, time.monotonic() - begun)
