"""SQLite between processes: writers that lose no update, and one that is killed."""

from __future__ import annotations

import asyncio
import signal
import sqlite3

from tests.faults.child import start
from tests.faults.conftest import fill
from tests.faults.ground import Witness, next_unit_works, nothing_leaked, open_at


async def test_eight_writers_in_two_processes_lose_no_update(sqlite_url: str) -> None:
    await fill(sqlite_url)
    share = 50
    processes = [await start("count", sqlite_url, share) for _ in range(2)]
    outputs = await asyncio.gather(*(process.communicate() for process in processes))
    assert [process.returncode for process in processes] == [0, 0]
    counted = sum(output.count(b"counted") for output, _ in outputs)
    assert counted == 2 * 4 * share
    assert await Witness(sqlite_url).rows("SELECT value FROM counter WHERE id = 1") == [(counted,)]


async def test_a_writer_killed_at_any_time_loses_nothing_that_it_acknowledged(
    sqlite_url: str,
) -> None:
    await fill(sqlite_url)
    witness = Witness(sqlite_url)
    acknowledged: set[int] = set()
    for round_ in range(6):
        process = await start("note", sqlite_url, 100_000 * (round_ + 1))
        assert process.stdout is not None
        acknowledged.add(int(await process.stdout.readline()))
        await asyncio.sleep(0.05 + 0.037 * round_)
        process.send_signal(signal.SIGKILL)
        lines = (await process.stdout.read()).splitlines(keepends=True)
        await process.wait()
        # The last line may have been cut short.
        acknowledged |= {int(line) for line in lines if line.endswith(b"\n")}
        assert await witness.notes() >= acknowledged
        assert await witness.rows("PRAGMA integrity_check") == [("ok",)]
        async with open_at(sqlite_url) as db:
            await next_unit_works(db)
            await nothing_leaked(db, witness)
    assert len(acknowledged) > 50
    assert len(await witness.notes() - acknowledged) <= 6 * 4


async def test_a_write_lock_held_by_another_process_is_waited_for(sqlite_url: str) -> None:
    await fill(sqlite_url)
    async with open_at(sqlite_url, lock_timeout=3) as db:
        other = sqlite3.connect(str(Witness(sqlite_url).address.database), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(next_unit_works(db))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        other.execute("COMMIT")
        other.close()
        await waiting
