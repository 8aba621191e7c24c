"""The connection cut, or the server frozen, at every single message that a unit sends.

The messages are counted in an undisturbed run, from the hand-shake on. Whatever happens, a unit
that ends well is stored, one that says it failed is not, and only a COMMIT leaves room for doubt.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy import make_url
from sqlmodel import select
from tests.faults.ground import (
    Witness,
    eventually,
    next_unit_works,
    nothing_leaked,
    open_at,
    write_pair,
)
from tests.faults.tables import Note

from colonnade.database import Database
from colonnade.dialects.dialect import GRACE_SECONDS
from colonnade.errors import CommitUnknown, ConnectionFailed, ConnectionLost, StatementTimeout
from colonnade.session.session import Session
from colonnade.testing import Proxy

LOST = (ConnectionFailed, ConnectionLost)
#: What a way that is frozen may look like. A driver cannot tell a server that is slow from one
#: that is gone, so the limit of a statement may be what ends it.
SILENT = (*LOST, StatementTimeout)


def counting(on: int) -> Callable[[bytes], bool]:
    """Whether a message is number ``on``."""
    seen = 0

    def reached(_data: bytes) -> bool:
        nonlocal seen
        seen += 1
        return seen == on

    return reached


def freezing(proxy: Proxy, on: int) -> Callable[[bytes], bool]:
    """Freeze the proxy at message number ``on``, which cuts nothing."""
    reached = counting(on)

    def never(data: bytes) -> bool:
        if reached(data):
            proxy.freeze()
        return False

    return never


async def messages_of(url: str) -> int:
    """How many messages a unit sends, with a connection of its own to make."""
    seen = 0

    def count(_data: bytes) -> bool:
        nonlocal seen
        seen += 1
        return False

    async with Proxy.to(url) as proxy, open_at(proxy.url(url)) as db:
        proxy.cut_before(count)
        async with db.session() as session:
            await write_pair(session, 1)
        return seen


async def attempt(db: Database, first: int) -> type[Exception] | None:
    """Run a unit; what it failed with."""
    try:
        async with db.session() as session:
            await write_pair(session, first)
    except (*SILENT, CommitUnknown) as error:
        return type(error)
    return None


def fits(outcome: type[Exception] | None, stored: set[int]) -> bool:
    """Whether what is stored is what the outcome says."""
    if outcome is None:
        return len(stored) == 2
    return not stored if outcome is not CommitUnknown else len(stored) in (0, 2)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_connection_cut_at_any_message_never_lies(
    served_url: str, witness: Witness, after: bool
) -> None:
    outcomes = []
    for step in range(1, await messages_of(served_url) + 1):
        first = 1000 + 2 * step
        async with Proxy.to(served_url) as proxy, open_at(proxy.url(served_url)) as db:
            (proxy.cut_after if after else proxy.cut_before)(counting(step))
            outcome = await attempt(db, first)
            outcomes.append(outcome)
            await nothing_leaked(db, witness)
            stored = await witness.notes() & {first, first + 1}
            assert fits(outcome, stored), f"message {step}: {outcome}, stored {stored}"
            await next_unit_works(db)
    assert CommitUnknown in outcomes
    assert ConnectionLost in outcomes
    assert ConnectionFailed in outcomes


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_run_stores_once_whatever_message_is_cut(
    served_url: str, witness: Witness, after: bool
) -> None:
    for step in range(1, await messages_of(served_url) + 1):
        first = 1000 + 2 * step

        async def verify(session: Session, first: int = first) -> bool:
            return await session.get(Note, first) is not None

        async with Proxy.to(served_url) as proxy, open_at(proxy.url(served_url)) as db:
            (proxy.cut_after if after else proxy.cut_before)(counting(step))
            await db.run(partial(write_pair, first=first), verify=verify, reconnect=True)
            assert await witness.notes() >= {first, first + 1}, f"message {step}"
            await nothing_leaked(db, witness)


async def test_a_reader_cut_at_any_message_says_so(served_url: str, witness: Witness) -> None:
    for snapshot in (False, True):
        failures = 0
        for step in range(1, 40):
            async with Proxy.to(served_url) as proxy, open_at(proxy.url(served_url)) as db:
                proxy.cut_before(counting(step))
                try:
                    async with db.reader(snapshot=snapshot) as session:
                        await session.exec(select(Note))
                except LOST:
                    failures += 1
                else:
                    break
                finally:
                    await nothing_leaked(db, witness)
        assert 1 < failures < 39


#: The drivers that a user may bring instead of ours.
OTHER_DRIVERS = {"postgresql": "postgresql+psycopg", "mariadb": "mariadb+asyncmy"}


@pytest.mark.parametrize("other", [False, True], ids=["our driver", "another driver"])
async def test_a_server_frozen_at_any_message_ends_every_wait_in_time(
    served_url: str, witness: Witness, other: bool
) -> None:
    url = make_url(served_url)
    if other:
        url = url.set(drivername=OTHER_DRIVERS[url.drivername])
    address = url.render_as_string(hide_password=False)
    limits = {"connect_timeout": 0.5, "statement_timeout": 0.3}
    # What is measured is a wait, and not how many of them one process gets through at a time.
    few = asyncio.Semaphore(5)

    async def freeze_at(step: int) -> tuple[type[Exception] | None, float]:
        async with few, Proxy.to(address) as proxy, open_at(proxy.url(address), **limits) as db:
            proxy.cut_before(freezing(proxy, step))
            begun = time.monotonic()
            outcome = await asyncio.wait_for(attempt(db, 1000 + 2 * step), 20)
            seconds = time.monotonic() - begun
            proxy.thaw()
            return outcome, seconds

    steps = range(1, await messages_of(address) + 1)
    results = await asyncio.gather(*(freeze_at(step) for step in steps))
    assert await eventually(partial(quiet, witness))
    stored = await witness.notes()
    for step, (outcome, seconds) in zip(steps, results, strict=True):
        first = 1000 + 2 * step
        assert fits(outcome, stored & {first, first + 1}), f"message {step}: {outcome}"
        assert seconds < limits["statement_timeout"] + GRACE_SECONDS + 0.7, (
            f"message {step}: {seconds}"
        )
    outcomes = {outcome for outcome, _ in results}
    assert outcomes >= {ConnectionFailed, ConnectionLost, CommitUnknown}


async def quiet(witness: Witness) -> bool:
    return await witness.in_transaction() == 0
