"""A server restarted, stopped in order or killed, while units run on it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
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
from colonnade.errors import CommitUnknown, ConnectionFailed, ConnectionLost, DatabaseError
from colonnade.session.session import Session
from colonnade.testing.servers import TemporaryServer

WORKERS = 6
LOST = (ConnectionFailed, ConnectionLost, CommitUnknown)

Unit = Callable[[Database, int], Awaitable[None]]


class Load:
    """Workers that store pairs of notes for as long as they are let."""

    def __init__(self, db: Database, unit: Unit) -> None:
        self.acknowledged: set[int] = set()
        self.errors: dict[int, DatabaseError] = {}
        self._db = db
        self._unit = unit
        self._keys = itertools.count(2, 2)
        self._going = True

    async def work(self) -> None:
        while self._going:
            first = next(self._keys)
            try:
                await self._unit(self._db, first)
            except DatabaseError as error:
                self.errors[first] = error
                await asyncio.sleep(0.01)
            else:
                self.acknowledged.add(first)

    async def progress(self) -> None:
        """Wait until each worker has had the time for something new."""
        goal = len(self.acknowledged) + 2 * WORKERS
        assert await eventually(lambda: len(self.acknowledged) >= goal, within=10)

    async def during(self, fault: Callable[[], None]) -> None:
        """Go on while ``fault`` happens in a thread, before it and after it."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(WORKERS):
                tasks.create_task(self.work())
            for _ in range(2):
                await self.progress()
                await asyncio.to_thread(fault)
            await self.progress()
            self._going = False


def crash(server: TemporaryServer) -> None:
    server.kill()
    server.restart()


FAULTS = {"restarted": TemporaryServer.restart, "killed": crash}


async def plain(db: Database, first: int) -> None:
    async with db.session() as session:
        await write_pair(session, first)


async def persistent(db: Database, first: int) -> None:
    async def verify(session: Session) -> bool:
        return await session.get(Note, first) is not None

    await db.run(partial(write_pair, first=first), attempts=50, verify=verify, reconnect=True)


@pytest.mark.parametrize("fault", FAULTS)
async def test_units_that_reconnect_go_on_over_a_restart(
    private_server: TemporaryServer, owned_url: str, witness: Witness, fault: str
) -> None:
    async with open_at(owned_url, pool_size=WORKERS) as db:
        load = Load(db, persistent)
        await load.during(partial(FAULTS[fault], private_server))
        assert not load.errors
        stored = await witness.notes()
        assert stored == {note for first in load.acknowledged for note in (first, first + 1)}
        await nothing_leaked(db, witness)
        await next_unit_works(db)


@pytest.mark.parametrize("fault", FAULTS)
async def test_plain_units_fail_over_a_restart_and_never_lie(
    private_server: TemporaryServer, owned_url: str, witness: Witness, fault: str
) -> None:
    async with open_at(owned_url, pool_size=WORKERS) as db:
        load = Load(db, plain)
        await load.during(partial(FAULTS[fault], private_server))
        stored = await witness.notes()
        assert load.errors
        for first, error in load.errors.items():
            assert isinstance(error, LOST), error
            there = stored & {first, first + 1}
            assert not there or (isinstance(error, CommitUnknown) and len(there) == 2)
        for first in load.acknowledged:
            assert stored >= {first, first + 1}
        await nothing_leaked(db, witness)
        await next_unit_works(db)
