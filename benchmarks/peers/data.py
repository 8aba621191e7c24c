"""The rows: 1,000 teams of 100 heroes, the same ones every time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random
from typing import Any

from sqlalchemy import text

from colonnade import Database
from colonnade.writing import bulk_insert
from peers.schemas import Rank
from peers.tables import Hero, Team

TEAMS = 1000
HEROES = 100

_CITIES = ("Lisbon", "Malmö", "Cork", "Graz", "Łódź", "Turin", "Ghent", "Split")
_WORDS = ("swift", "amber", "quiet", "iron", "lunar", "velvet", "stray", "ninth", "cobalt", "old")
_DAY = date(2000, 1, 1)
#: What follows the rows: the next key that the server makes, and statistics.
_FINISHING = {
    "postgresql": (
        f"SELECT setval(pg_get_serial_sequence('hero', 'id'), {TEAMS * HEROES})",
        "VACUUM ANALYZE",
    ),
    "sqlite": ("ANALYZE",),
}


def teams() -> Iterator[dict[str, Any]]:
    random = Random(1)
    for number in range(1, TEAMS + 1):
        yield {
            "id": number,
            "name": f"{random.choice(_WORDS).title()} {random.choice(_WORDS)} {number}",
            "city": random.choice(_CITIES),
            "founded": _DAY + timedelta(days=random.randrange(3000)),
        }


def heroes() -> Iterator[dict[str, Any]]:
    random = Random(2)
    ranks = list(Rank)
    for number in range(1, TEAMS * HEROES + 1):
        yield {
            "id": number,
            "name": f"{random.choice(_WORDS).title()} {random.choice(_WORDS)} {number}",
            "secret_name": f'{random.choice(_WORDS)} "{random.choice(_WORDS)}"',
            "age": random.randrange(16, 80),
            "active": random.random() < 0.7,
            "rank": random.choice(ranks),
            "joined": _DAY + timedelta(days=random.randrange(3000, 9000)),
            "biography": " ".join(random.choices(_WORDS, k=30)),
            "team_id": 1 + (number - 1) // HEROES,
        }


async def fill(url: str) -> None:
    """Make the tables, their rows and their statistics in an empty database."""
    async with Database(url) as db:
        await db.create_all()
        async with db.session() as session:
            await bulk_insert(session, Team, teams())
            await bulk_insert(session, Hero, heroes())
        async with db.engine.connect() as connection:
            plain = await connection.execution_options(isolation_level="AUTOCOMMIT")
            for statement in _FINISHING[db.family]:
                await plain.execute(text(statement))
