"""Anything as a lookup's name and value: ``python -m tests.filters.fuzz --inputs 100000``.

Whatever comes is either answered or refused as a wrong request, before the database is asked; a
driver's error, a database's, and Python's own are failures. Runs on SQLite, or on --database.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from time import perf_counter
from typing import Any
from uuid import UUID

from tests import guild, lexicon
from tests.guild import HeroService, Kind, TeamService
from tests.lexicon import ThingService, WordService
from tests.sql import test_fulltext

from colonnade import Database, Session, all_of, any_of, every, not_, some
from colonnade.errors import InvalidRequest
from colonnade.filters import OPERATORS, Operator
from colonnade.mapping import mapping_of
from colonnade.values.families import family_of

SERVICES: list[Any] = [
    HeroService,
    TeamService,
    ThingService,
    ThingService,
    WordService,
    test_fulltext.NoteService,
]
PATHS = ("team", "team.city", "missions", "mentor", "powers__heroes", "author", "notes", "pupils")
LETTERS = "aAeEnN019%_\\*?[]()'\"-+@<>~:;.,|&!^$#/= \t\n\0é😀İß\ud800\u202e{}"
SPELLED = [
    "", "null", "None", "true", "FALSE", "yes", "0", "-1", "1e400", "-1e-400", "0x10", " 1 ",
    "\uff11", "NaN", "-Infinity", "sNaN", "1_000", "1" * 400, "2020-02-30", "0000-00-00",
    "0001-01-01", "9999-12-31T23:59:59.999999Z", "2020-01-01T00:00:00+14:00", "24:00", "P1D",
    "P999999999D", "-P99999Y", "00000000-0000-0000-0000-000000000000", "hero", "HERO",
    "rouge", "open", "fox -dog",
    '"', '"a', "or", "a or -b", "NEAR(a b)", "{body}: a", "body : a", "a*", "^a", "{}", "[]", "$.a",
    "%", "_", "\\", "a\\", "x" * 9_999, "%" * 300 + "a", "; DROP TABLE hero", ":v0", "?", "%s",
]  # fmt: skip
VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 2**15, 2**31, 2**63 - 1, 2**63, -(2**63), 10**400, 0.0, -0.0, 0.1,
    1e308, float("nan"), float("inf"), Decimal("0.1"), Decimal("NaN"), Decimal("1E+999999"),
    Decimal("1E-999999"), Decimal("-1E+30"), b"", b"\xff\0", bytearray(b"a"), memoryview(b"a"),
    date.min, date.max, datetime(1, 1, 1), datetime(2024, 1, 1, tzinfo=UTC),  # noqa: DTZ001
    datetime(9999, 12, 31, 23, 59, 59), time.max, time(1, tzinfo=UTC), timedelta.max,  # noqa: DTZ001
    timedelta.min, timedelta(1), UUID(int=0), Kind.HERO, lexicon.Level.LOW, lexicon.Colour.RED,
    object(), int, print, {}, {"a": 1}, set(), frozenset({1}), (), [], [None], range(3), ..., 1j,
    iter([]), [[1]], ["a", 1, None], ((1, 2), (3, 4)),
]  # fmt: skip


def text(random: Random) -> str:
    if random.random() < 0.5:
        return random.choice(SPELLED)
    return "".join(random.choices(LETTERS, k=random.randrange(8)))


def value(random: Random, depth: int = 0) -> Any:
    """Anything, strings above all: they are what a request brings."""
    kind = random.random()
    if kind < 0.5:
        return text(random)
    if kind < 0.8 or depth > 2:
        return random.choice(VALUES)
    if kind < 0.9:
        return random.randrange(-3, 30)
    items = [value(random, depth + 1) for _ in range(random.randrange(4))]
    return random.choice([list, tuple])(items)


#: What a column of a family is likely to take, among the rest.
LIKELY: dict[str, list[Any]] = {
    family_of(mapping_of(lexicon.Thing).columns[field].type): [*edges, *map(str, edges)]
    for field, edges in lexicon.EDGES.items()
}


def lookup(random: Random, model: type[Any]) -> tuple[str, Any]:
    """A lookup, mostly one that is nearly right, and what it is asked with."""
    parts: list[str] = []
    if random.random() < 0.1:
        parts.append(random.choice(PATHS))
    column = random.choice(list(mapping_of(model).columns.values()))
    fitting = [item for item in OPERATORS.values() if item.supports(column.type)]
    operator = random.choice(fitting if random.random() < 0.8 else list(OPERATORS.values()))
    parts += [column.name, operator.name]
    mistake = random.random()
    if mistake < 0.05:
        parts.insert(random.randrange(len(parts) + 1), text(random))
    elif mistake < 0.1:
        parts.pop(random.randrange(len(parts)))
    elif mistake < 0.12:
        random.shuffle(parts)
    name = random.choice(["__"] * 40 + ["_", "___", ".", ""]).join(parts)
    return name, operand(random, operator, LIKELY.get(family_of(column.type), [""]))


def operand(random: Random, operator: Operator, likely: list[Any]) -> Any:
    """What the operator takes, as often as not."""
    if random.random() < 0.4:
        return value(random)
    if operator.operand in ("many", "pair", "items"):
        count = 2 if operator.operand == "pair" else random.randrange(5)
        return [random.choice([*likely, value(random)]) for _ in range(count)]
    if operator.operand in ("flag", "state"):
        return random.choice([True, False, None])
    return text(random) if operator.operand != "one" else random.choice(likely)


def condition(random: Random, model: type[Any]) -> Any:
    """A lookup, or a tree of them."""
    lookups = dict(lookup(random, model) for _ in range(random.choice([1, 1, 1, 1, 2, 3])))
    kind = random.random()
    if kind < 0.9:
        return lookups
    trees: list[Callable[[], Any]] = [
        lambda: any_of(lookups),
        lambda: not_(lookups),
        lambda: all_of(lookups, not_(lookups)),
        lambda: some(random.choice(PATHS), lookups),
        lambda: every(random.choice(PATHS), lookups),
        lambda: some(text(random), lookups),
    ]
    return random.choice(trees)()


async def ask(session: Session, random: Random) -> str:
    """Ask one thing; the answer is what became of it. Raises what must not be."""
    service = random.choice(SERVICES)(session)
    try:
        await service.where(condition(random, service.model)).count()
    except InvalidRequest as error:
        return type(error).__name__
    return "answered"


async def run(database: Database, inputs: int, seed: int) -> Counter[str]:
    """What became of so many inputs. Raises with the number of the input that failed."""
    outcomes: Counter[str] = Counter()
    async with database.reader() as session:
        for number in range(inputs):
            try:
                outcomes[await ask(session, Random(f"{seed} {number}"))] += 1
            except Exception as error:
                raise AssertionError(f"seed {seed}, input {number}: {error!r}") from error
    return outcomes


async def fill(database: Database) -> None:
    """Every model's tables, with some rows."""
    async with database.engine.begin() as connection:
        for base in (guild.Base, test_fulltext.Base):
            await connection.run_sync(base.metadata.create_all)
    await guild.fill(database)
    await lexicon.fill(database)
    async with database.session() as session:
        for title, body in test_fulltext.NOTES:
            await test_fulltext.NoteService(session).create({"title": title, "body": body})


async def main(inputs: int, seed: int, url: str | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with Database(url or f"sqlite:///{folder}/fuzz.db") as database:
            await fill(database)
            start = perf_counter()
            outcomes = await run(database, inputs, seed)
            print(f"{inputs} inputs of seed {seed} in {perf_counter() - start:.0f} s: {outcomes}")  # noqa: T201 # its product


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", help="the URL of an empty database; SQLite without")
    asked = parser.parse_args()
    asyncio.run(main(asked.inputs, asked.seed, asked.database))
