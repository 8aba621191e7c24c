"""Backends terminated while a unit is in each of its states, and COMMIT cut on both sides."""

from __future__ import annotations

import asyncio
from functools import partial

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
from tests.faults.tables import Note

from colonnade.database import Database
from colonnade.errors import CommitUnknown, ConnectionLost
from colonnade.session.session import Session
from colonnade.testing import Proxy, commits


async def test_a_backend_terminated_in_a_query_is_a_lost_connection(
    served_url: str, db: Database, witness: Witness
) -> None:
    async def unit() -> None:
        async with db.session() as session:
            await write_pair(session, 1)
            await session.execute(text(ENDLESS[db.family]))

    task = asyncio.create_task(unit())
    await asyncio.sleep(0.1)
    assert await witness.end() == 1
    with pytest.raises(ConnectionLost):
        await task
    assert not await witness.notes()
    await nothing_leaked(db, witness)
    await next_unit_works(db)


@pytest.mark.parametrize("reading", [False, True], ids=["session", "reader"])
@pytest.mark.parametrize("idle_check", [0.0, 60.0], ids=["pinged", "looked at"])
async def test_backends_terminated_in_the_pool_are_replaced_unnoticed(
    served_url: str, witness: Witness, reading: bool, idle_check: float
) -> None:
    async with open_at(served_url, idle_check=idle_check) as db:

        async def look() -> None:
            async with db.reader() if reading else db.session() as session:
                await session.exec(select(Note))

        for _ in range(2):
            await asyncio.gather(look(), look())
            assert await witness.end() == 2
            # What is only looked at must have had the time to hear of its end.
            await asyncio.sleep(0.1)
        await nothing_leaked(db, witness)
        await next_unit_works(db)


async def test_a_backend_terminated_idle_in_a_transaction_is_a_lost_connection(
    served_url: str, db: Database, witness: Witness
) -> None:
    async def unit() -> None:
        async with db.session() as session:
            await write_pair(session, 1)
            await witness.end()
            await session.exec(select(Note))

    with pytest.raises(ConnectionLost):
        await unit()
    assert not await witness.notes()
    await nothing_leaked(db, witness)
    await next_unit_works(db)


async def test_a_backend_terminated_before_commit_never_reports_success(
    served_url: str, db: Database, witness: Witness
) -> None:
    async def unit() -> None:
        async with db.session() as session:
            await write_pair(session, 1)
            await session.flush()
            await witness.end()

    with pytest.raises((ConnectionLost, CommitUnknown)):
        await unit()
    assert not await witness.notes()
    await nothing_leaked(db, witness)
    await next_unit_works(db)


async def test_a_unit_that_lost_its_connection_is_run_again_by_reconnect(
    served_url: str, db: Database, witness: Witness
) -> None:
    attempts = 0

    async def work(session: Session) -> None:
        nonlocal attempts
        attempts += 1
        await write_pair(session, 1)
        if attempts < 3:
            await witness.end()
        await session.exec(select(Note))

    await db.run(work, reconnect=True)
    assert attempts == 3
    assert await witness.notes() == {1, 2}
    await nothing_leaked(db, witness)


async def test_a_unit_that_lost_its_connection_is_not_run_again_unasked(
    served_url: str, db: Database, witness: Witness
) -> None:
    attempts = 0

    async def work(session: Session) -> None:
        nonlocal attempts
        attempts += 1
        await write_pair(session, 1)
        await witness.end()
        await session.exec(select(Note))

    with pytest.raises(ConnectionLost):
        await db.run(work)
    assert attempts == 1
    await next_unit_works(db)


@pytest.mark.parametrize("stored", [False, True], ids=["before", "after"])
async def test_a_commit_cut_on_either_side_is_unknown(
    served_url: str, witness: Witness, proxy: Proxy, stored: bool
) -> None:
    async with open_at(proxy.url(served_url)) as db:
        (proxy.cut_after if stored else proxy.cut_before)(commits)
        with pytest.raises(CommitUnknown):
            async with db.session() as session:
                await write_pair(session, 1)
        assert await witness.notes() == ({1, 2} if stored else set())
        await nothing_leaked(db, witness)
        await next_unit_works(db)


@pytest.mark.parametrize("stored", [False, True], ids=["before", "after"])
async def test_run_never_repeats_an_unknown_commit_blindly(
    served_url: str, witness: Witness, proxy: Proxy, stored: bool
) -> None:
    async with open_at(proxy.url(served_url)) as db:
        (proxy.cut_after if stored else proxy.cut_before)(commits)
        with pytest.raises(CommitUnknown):
            await db.run(partial(write_pair, first=1), reconnect=True)
        assert await witness.notes() == ({1, 2} if stored else set())
        await next_unit_works(db)


@pytest.mark.parametrize("stored", [False, True], ids=["before", "after"])
async def test_verify_settles_an_unknown_commit_exactly_once(
    served_url: str, witness: Witness, proxy: Proxy, stored: bool
) -> None:
    told: list[str] = []
    attempts = 0

    async def work(session: Session) -> int:
        nonlocal attempts
        attempts += 1
        session.on_commit(lambda: told.append("stored"))
        await write_pair(session, 1)
        return attempts

    async def verify(session: Session) -> bool:
        return await session.get(Note, 1) is not None

    async with open_at(proxy.url(served_url)) as db:
        (proxy.cut_after if stored else proxy.cut_before)(commits)
        assert await db.run(work, verify=verify) == (1 if stored else 2)
        assert await witness.notes() == {1, 2}
        assert told == ["stored"]
        await nothing_leaked(db, witness)
        await next_unit_works(db)


async def test_a_backend_terminated_in_the_middle_of_commit_is_unknown(
    postgresql_url: str,
) -> None:
    witness = Witness(postgresql_url)
    async with open_at(postgresql_url) as db:
        await db.create_all()
        # A deferred trigger makes COMMIT itself take its time.
        await witness.rows(
            "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM pg_sleep(30); RETURN NULL; END $$"
        )
        await witness.rows(
            "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON note DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION wait()"
        )

        async def unit() -> None:
            async with db.session() as session:
                session.add(Note(id=1))

        task = asyncio.create_task(unit())
        await asyncio.sleep(0.2)
        await witness.end()
        with pytest.raises(CommitUnknown):
            await task
        assert not await witness.notes()
        await nothing_leaked(db, witness)
