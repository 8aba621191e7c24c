"""A task cancelled at every await of a unit: nothing leaks, nothing is stored by half."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import select
from tests.faults.ground import (
    ENDLESS,
    Witness,
    next_unit_works,
    nothing_leaked,
    open_at,
    write_pair,
)
from tests.faults.interrupted import interrupt, steps_of
from tests.faults.tables import Note

from colonnade.database import Database

pytestmark = pytest.mark.usefixtures("filled_url")

#: Steps beyond an undisturbed run: a unit that has to connect anew takes more of them.
MORE = 3

Unit = Callable[[Database, int], Coroutine[Any, Any, None]]


async def plain(db: Database, first: int) -> None:
    async with db.session() as session:
        await write_pair(session, first)


async def retried(db: Database, first: int) -> None:
    await db.run(partial(write_pair, first=first), isolation="serializable", statement_timeout=1)


async def read(db: Database, _first: int) -> None:
    async with db.reader() as session:
        await session.exec(select(Note).limit(1))


async def pictured(db: Database, _first: int) -> None:
    async with db.reader(snapshot=True) as session:
        await session.exec(select(Note).limit(1))


async def streamed(db: Database, _first: int) -> None:
    async with db.session() as session:
        async for _ in await session.stream(text("SELECT 1 UNION SELECT 2")):
            pass


UNITS = {"session": plain, "run": retried, "reader": read, "snapshot": pictured, "stream": streamed}


async def whole(witness: Witness, first: int, *, ended: bool) -> None:
    """Fail unless both notes are there or none; both where the unit reached its end."""
    stored = await witness.notes() & {first, first + 1}
    assert len(stored) in (0, 2), f"half a unit is stored: {stored}"
    assert not ended or stored


@pytest.mark.parametrize("late", [False, True], ids=["overtaken", "answered"])
@pytest.mark.parametrize("kind", UNITS)
async def test_a_task_cancelled_at_any_await_leaks_nothing_and_stores_all_or_nothing(
    db: Database, witness: Witness, kind: str, late: bool
) -> None:
    unit = UNITS[kind]
    steps = max([await steps_of(unit(db, 2 * n)) for n in (1, 2)]) + MORE
    for step in range(1, steps + 1):
        first = 1000 + 2 * step
        ended = await interrupt(unit(db, first), {step}, late=late)
        await nothing_leaked(db, witness)
        if kind in ("session", "run"):
            await whole(witness, first, ended=ended)
        await next_unit_works(db)
    assert ended, f"{steps} steps were not all"


async def test_a_task_cancelled_while_it_connects_leaks_nothing(
    filled_url: str, witness: Witness
) -> None:
    async with open_at(filled_url) as cold:
        steps = await steps_of(plain(cold, 2)) + MORE
    for step in range(1, steps + 1):
        first = 1000 + 2 * step
        async with open_at(filled_url) as cold:
            ended = await interrupt(plain(cold, first), {step})
            await nothing_leaked(cold, witness)
            await whole(witness, first, ended=ended)
            await next_unit_works(cold)
    assert ended, f"{steps} steps were not all"


@pytest.mark.parametrize("gap", [1, 2, 3])
async def test_a_task_cancelled_twice_leaks_nothing_and_stores_all_or_nothing(
    db: Database, witness: Witness, gap: int
) -> None:
    steps = max([await steps_of(plain(db, 2 * n)) for n in (1, 2)]) + MORE
    for step in range(1, steps + 1):
        first = 1000 + 2 * step
        ended = await interrupt(plain(db, first), {step, step + gap})
        await nothing_leaked(db, witness)
        await whole(witness, first, ended=ended)
        await next_unit_works(db)
    assert ended, f"{steps} steps were not all"


async def test_a_unit_cancelled_in_line_gives_its_turn_to_the_next(
    filled_url: str, witness: Witness
) -> None:
    async with open_at(filled_url, pool_size=1) as db:
        for step in range(1, 6):
            async with db.session() as holder:
                await holder.exec(select(Note))
                cancelled = asyncio.create_task(interrupt(plain(db, 10 * step), {step}))
                behind = asyncio.create_task(plain(db, 10 * step + 5))
                await asyncio.sleep(0.01)
            await cancelled
            await behind
            assert 10 * step + 5 in await witness.notes()
            await nothing_leaked(db, witness)
            await next_unit_works(db)


async def test_a_cancelled_task_does_not_wait_for_its_statement(
    db: Database, witness: Witness
) -> None:
    async def sleep() -> None:
        async with db.session() as session:
            await write_pair(session, 2)
            await session.execute(text(ENDLESS[db.family]))

    task = asyncio.create_task(sleep())
    await asyncio.sleep(0.2)
    begun = time.monotonic()
    task.cancel()
    await asyncio.wait([task], timeout=5)
    assert task.cancelled()
    assert time.monotonic() - begun < 0.5
    await nothing_leaked(db, witness)
    assert not await witness.notes()
    await next_unit_works(db)
