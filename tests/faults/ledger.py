"""The ledger: clerks move money while servers, ways and tasks break; then the books are audited.

``python -m tests.faults.ledger --database postgresql --seconds 60`` runs one for longer than the
suite does and prints what happened.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.faults.bank import Clerk, Record, audit, open_accounts
from tests.faults.child import ROOT
from tests.faults.ground import Witness, nothing_leaked, open_at

from colonnade.testing import Proxy, TemporaryMariaDB, TemporaryPostgreSQL, commits
from colonnade.testing.servers import TemporaryServer

__all__ = ["SERVERS", "on_server", "on_sqlite", "report"]

CLERKS = 8
SERVERS: dict[str, Callable[[], TemporaryServer]] = {
    "postgresql": TemporaryPostgreSQL,
    "mariadb": TemporaryMariaDB,
}


class Saboteur:
    """Breaks a server and the way to it, at random but reproducibly."""

    def __init__(
        self, server: TemporaryServer, proxy: Proxy, witness: Witness, clerks: list[Clerk]
    ) -> None:
        self._server = server
        self._proxy = proxy
        self._witness = witness
        self._clerks = clerks
        #: Each fault and how often it is chosen.
        self._faults: dict[str, tuple[Callable[[random.Random], Awaitable[object]], int]] = {
            "backend terminated": (self._terminate, 5),
            "cut before COMMIT": (self._cut_before, 5),
            "cut after COMMIT": (self._cut_after, 5),
            "every connection cut": (self._cut, 2),
            "way frozen": (self._freeze, 2),
            "way frozen beyond every limit": (self._freeze_long, 1),
            "connections refused": (self._refuse, 2),
            "task cancelled": (self._cancel, 5),
            "server restarted": (self._restart, 1),
            "server killed": (self._kill, 1),
        }

    async def work(self, record: Record, chance: random.Random, deadline: float) -> None:
        names = list(self._faults)
        # Each fault once; then as chance has it.
        first = chance.sample(names, len(names))
        weights = [weight for _, weight in self._faults.values()]
        for number in itertools.count():
            await asyncio.sleep(chance.uniform(0.02, 0.2))
            if time.monotonic() > deadline:
                return
            name = first[number] if number < len(first) else chance.choices(names, weights)[0]
            await self._faults[name][0](chance)
            record.event(f"faults: {name}")

    async def _terminate(self, chance: random.Random) -> None:
        backends = await self._witness.backends()
        if backends:
            await self._witness.end([chance.choice(backends)])

    async def _cut_before(self, _chance: random.Random) -> None:
        self._proxy.cut_before(commits)
        await self._made()

    async def _cut_after(self, _chance: random.Random) -> None:
        self._proxy.cut_after(commits)
        await self._made()

    async def _made(self) -> None:
        async with asyncio.timeout(10):
            await self._proxy.happened()

    async def _cut(self, _chance: random.Random) -> None:
        self._proxy.cut()

    async def _freeze(self, chance: random.Random) -> None:
        await self._freeze_for(chance.uniform(0.1, 0.5))

    async def _freeze_long(self, _chance: random.Random) -> None:
        await self._freeze_for(3.5)

    async def _freeze_for(self, seconds: float) -> None:
        self._proxy.freeze()
        await asyncio.sleep(seconds)
        self._proxy.thaw()

    async def _refuse(self, chance: random.Random) -> None:
        self._proxy.refuse()
        self._proxy.cut()
        await asyncio.sleep(chance.uniform(0.05, 0.3))
        await self._proxy.listen()

    async def _cancel(self, chance: random.Random) -> None:
        chance.choice(self._clerks).cancel()

    async def _restart(self, _chance: random.Random) -> None:
        await asyncio.to_thread(self._server.restart)

    async def _kill(self, _chance: random.Random) -> None:
        def crash() -> None:
            self._server.kill()
            self._server.restart()

        await asyncio.to_thread(crash)


async def on_server(server: TemporaryServer, url: str, seconds: float, seed: int) -> Record:
    """The ledger on PostgreSQL or MariaDB; the record, audited."""
    record, witness, chance = Record(), Witness(url), random.Random(seed)
    async with open_at(url) as direct, Proxy.to(url) as proxy:
        await open_accounts(direct)
        if witness.kind == "postgresql":
            # Found before a limit of ours ends the wait, as MariaDB finds them at once.
            name = witness.address.database
            await witness.rows(f"ALTER DATABASE {name} SET deadlock_timeout = '50ms'")
        deadline = time.monotonic() + seconds
        limits = {"statement_timeout": 1.0, "connect_timeout": 0.5, "pool_timeout": 20}
        async with open_at(proxy.url(url), pool_size=CLERKS, **limits) as db:
            clerks = [
                Clerk(db, record, random.Random(f"{seed} {number}"), deadline)
                for number in range(CLERKS)
            ]
            saboteur = Saboteur(server, proxy, witness, clerks)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(saboteur.work(record, chance, deadline))
                for clerk in clerks:
                    tasks.create_task(clerk.work())
            # What a frozen way held back may still reach the server.
            await nothing_leaked(db, witness)
        await audit(direct, record)
    return record


async def on_sqlite(url: str, seconds: float, seed: int) -> Record:
    """The ledger on SQLite: two processes of clerks, killed and replaced, and a lock in the way."""
    record, chance = Record(), random.Random(seed)
    deadline = time.monotonic() + seconds
    seeds = itertools.count(seed * 1_000_000)
    async with open_at(url) as db:
        await open_accounts(db)

    async def employ() -> None:
        while (left := deadline - time.monotonic()) > 0:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.faults.bank", url,
                str(next(seeds)), str(left), str(CLERKS // 2),
                stdout=asyncio.subprocess.PIPE, cwd=ROOT,
            )  # fmt: skip
            assert process.stdout is not None
            reading = asyncio.create_task(process.stdout.read())
            await asyncio.wait([reading], timeout=chance.uniform(1.5, 3.5))
            if not reading.done() and time.monotonic() < deadline:
                process.send_signal(signal.SIGKILL)
                record.event("faults: process killed")
            for line in (await reading).decode().splitlines(keepends=True):
                # The last line may have been cut short.
                if line.endswith("\n"):
                    record.read(line)
            assert await process.wait() in (0, -signal.SIGKILL)

    async def lock() -> None:
        path = str(Witness(url).address.database)
        while time.monotonic() < deadline:
            await asyncio.sleep(chance.uniform(0.3, 0.9))
            await asyncio.to_thread(hold, path, chance.choice([0.05, 0.7]))
            record.event("faults: lock held by another process")

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(employ())
        tasks.create_task(employ())
        tasks.create_task(lock())
    async with open_at(url) as db:
        await nothing_leaked(db, Witness(url))
        await audit(db, record)
    assert await Witness(url).rows("PRAGMA integrity_check") == [("ok",)]
    return record


def hold(path: str, seconds: float) -> None:
    """Hold SQLite's write lock."""
    connection = sqlite3.connect(path, timeout=5, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    time.sleep(seconds)
    connection.execute("ROLLBACK")
    connection.close()


def report(kind: str, record: Record) -> str:
    """What happened, one line a thing."""
    lines = [f"ledger on {kind}: {len(record.verdicts)} transfers begun"]
    lines += [f"  {verdict}: {number}" for verdict, number in record.summary().items()]
    lines += [f"  {name}: {number}" for name, number in sorted(record.events.items())]
    return "\n".join(lines)


async def run(kind: str, seconds: float, seed: int) -> Record:
    if kind == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            return await on_sqlite(f"sqlite:///{Path(folder) / 'ledger.db'}", seconds, seed)
    with SERVERS[kind]() as server:
        return await on_server(server, server.create_database(), seconds, seed)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.ledger", description=__doc__)
    parser.add_argument("--database", choices=["sqlite", *SERVERS], default="postgresql")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    record = asyncio.run(run(given.database, given.seconds, given.seed))
    print(report(given.database, record))  # noqa: T201 # its product


if __name__ == "__main__":
    main()
