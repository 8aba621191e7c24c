"""A process of its own that works on a database: ``python -m tests.faults.child COMMAND URL …``.

Each command prints one line for each thing that is acknowledged, at once.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from sqlmodel import select
from tests.faults.ground import open_at
from tests.faults.tables import Counter, Note

from colonnade.database import Database
from colonnade.session.session import Session

__all__ = ["ROOT", "start"]

TASKS = 4
ROOT = Path(__file__).parents[2]


async def start(*arguments: object) -> asyncio.subprocess.Process:
    """Run a command in a process of its own; its lines are in ``stdout``."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.faults.child",
        *map(str, arguments),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )


def say(*words: object) -> None:
    print(*words, flush=True)  # noqa: T201 # read by the parent


async def increment(session: Session) -> None:
    counter = (await session.exec(select(Counter).where(Counter.id == 1).with_for_update())).one()
    counter.value += 1


async def count(db: Database, share: str) -> None:
    """Raise the first counter ``share`` times in each of four tasks."""

    async def task() -> None:
        for _ in range(int(share)):
            await db.run(increment, attempts=100)
            say("counted")

    await asyncio.gather(*(task() for _ in range(TASKS)))


async def note(db: Database, first: str) -> None:
    """Store notes from ``first`` on without an end, in four tasks."""
    ids = itertools.count(int(first))

    async def task() -> None:
        for number in ids:

            async def work(session: Session, number: int = number) -> None:
                session.add(Note(id=number))

            await db.run(work, attempts=100)
            say(number)

    await asyncio.gather(*(task() for _ in range(TASKS)))


async def serve(db: Database, units: str) -> None:
    """Run ``units`` units, by turns a session, a reader and a snapshot, twenty at once."""

    async def session() -> None:
        await db.run(increment, statement_timeout=7, variables={"app.pid": str(os.getpid())})

    async def reader() -> None:
        async with db.reader() as session:
            for _ in range(3):
                assert len((await session.exec(select(Counter))).all()) == 2

    async def snapshot() -> None:
        async with db.reader(snapshot=True) as session:
            query = select(Counter.value).where(Counter.id == 1)
            assert len({(await session.exec(query)).one() for _ in range(3)}) == 1

    kinds = itertools.cycle((session, reader, snapshot))
    places = asyncio.Semaphore(20)

    async def unit(kind: Callable[[], Awaitable[None]]) -> None:
        async with places:
            await kind()
        say(kind.__name__)

    await asyncio.gather(*(unit(next(kinds)) for _ in range(int(units))))


COMMANDS = {"count": count, "note": note, "serve": serve}


async def main(command: str, url: str, amount: str) -> None:
    behind = {"pgbouncer": True} if command == "serve" else {}
    async with open_at(url, pool_size=5, lock_timeout=10, statement_timeout=20, **behind) as db:
        await COMMANDS[command](db, amount)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
