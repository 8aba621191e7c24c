"""What the total of a numbered page costs: a second statement, or a window over the page's own.

Pages of 50 of a table of 200,000 rows: of all rows, of half of them, of a few, and past the end.
The two ways take turns and must find the same total, but past the end, where a window sees no row
to tell it. A page that is not full tells its total itself, and nothing is counted.

    scripts/bench counts [--database sqlite] [--rounds 15]
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from pydantic import BaseModel
from sqlalchemy import func, insert, text
from sqlmodel import Field, SQLModel, select

from colonnade import Database, ServiceBase
from peers.clock import measure_medians
from peers.databases import empty

DATABASES: Final = ("postgresql", "sqlite", "mariadb")
ROWS: Final = 200_000
SIZE: Final = 50
CHUNK: Final = 5000

Ask = Callable[[int], Awaitable[bytes]]


class Leg(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    half: int
    few: int = Field(index=True)
    note: str


class LegCreate(BaseModel):
    half: int


class LegService(ServiceBase[Leg, LegCreate, LegCreate]):
    pass


LEG: Final[Any] = Leg

#: Name, page, lookups, and the same in SQLAlchemy.
PAGES: Final[tuple[tuple[str, int, dict[str, Any], Any], ...]] = (
    ("all rows, page 1", 1, {}, LEG.id > 0),
    ("all rows, page 2000", 2000, {}, LEG.id > 0),
    ("half of them, page 1", 1, {"half": 1}, LEG.half == 1),
    ("a hundred, page 1", 1, {"few": 3}, LEG.few == 3),
    ("past the end", 9000, {}, LEG.id > 0),
)


async def run(database: str, rounds: int) -> None:
    with empty(database) as url:
        async with Database(url, statement_timeout=600, metadata=Leg.metadata) as db:
            await prepare(db)
            print(f"\n{database}: a page of {SIZE} of {ROWS:,} rows with its total, ms")
            print(f"  {'':<24}{'second':>10}{'window':>10}{'estimated':>10}{'none':>10}")
            for name, number, lookups, condition in PAGES:
                found = await measure_medians(asks(db, number, lookups, condition), rounds)
                print(f"  {name:<24}" + "".join(f"{value:>10.2f}" for value in found.values()))


async def prepare(db: Database) -> None:
    await db.create_all()
    async with db.session() as session:
        for start in range(0, ROWS, CHUNK):
            rows = [
                {"half": row % 2, "few": row // 100, "note": f"a note of the leg {row}"}
                for row in range(start, start + CHUNK)
            ]
            await session.execute(insert(Leg), rows)
    async with db.session() as session:
        await session.execute(text("ANALYZE TABLE leg" if db.family == "mysql" else "ANALYZE"))


def asks(db: Database, number: int, lookups: dict[str, Any], condition: Any) -> dict[str, Ask]:
    windowed = (
        select(Leg, func.count().over())
        .where(condition)
        .order_by(LEG.id)
        .limit(SIZE)
        .offset((number - 1) * SIZE)
    )

    def counted(count: Any) -> Ask:
        async def ask(_: int) -> bytes:
            async with db.reader() as session:
                query = LegService(session).where(**lookups)
                page = await query.page(number, size=SIZE, count=count)
            return str(page.total).encode()

        return ask

    async def window(_: int) -> bytes:
        async with db.reader() as session:
            rows = (await session.exec(windowed)).all()
        return str(rows[0][1] if rows else None).encode()

    return {
        "second": counted("exact"),
        "window": window,
        "estimated": counted("estimated"),
        "none": counted("none"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench counts")
    parser.add_argument("--database", action="append", choices=DATABASES)
    parser.add_argument("--rounds", type=int, default=15, help="turns of each way")
    given = parser.parse_args()
    for database in given.database or DATABASES:
        asyncio.run(run(database, given.rounds))


if __name__ == "__main__":
    main()
