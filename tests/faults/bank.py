"""The ledger's accounts, its clerks and its audit.

A clerk moves money between two accounts with ``Database.run`` and writes down what it was told.
The audit compares that with what is stored.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlmodel import select
from tests.faults.ground import open_at
from tests.faults.tables import Account, Transfer

from colonnade.database import Database
from colonnade.errors import CommitUnknown, DatabaseError, UniqueViolation
from colonnade.session.session import Session

__all__ = ["Clerk", "Printer", "Record", "audit", "open_accounts"]

ACCOUNTS = 16
OPENING = 1000
#: Who sends the COMMIT: the end of the unit, a block in it, or the work in one of three ways.
WAYS = ("unit", "unit", "block", "block", "commit", "run_sync", "connection")


class Refused(Exception):
    """The bank's own reason not to make a transfer."""


class Record:
    """What the clerks were told of each transfer, and how often what happened."""

    def __init__(self) -> None:
        self.verdicts: dict[UUID, str] = {}
        self.announced: list[UUID] = []
        self.events: Counter[str] = Counter()

    def settle(self, key: UUID, verdict: str) -> None:
        self.verdicts[key] = verdict

    def announce(self, key: UUID) -> None:
        """A callback of ``on_commit`` ran."""
        self.announced.append(key)

    def event(self, name: str) -> None:
        self.events[name] += 1

    def read(self, line: str) -> None:
        """Take over what a ``Printer`` printed."""
        kind, *words = line.strip().split(maxsplit=2)
        if kind == "settle":
            self.settle(UUID(words[0]), words[1])
        elif kind == "announce":
            self.announce(UUID(words[0]))
        else:
            self.event(" ".join(words))

    def summary(self) -> dict[str, int]:
        return dict(sorted(Counter(self.verdicts.values()).items()))


class Printer(Record):
    """A record that a killed process leaves behind: each line is out before anything follows."""

    def settle(self, key: UUID, verdict: str) -> None:
        print("settle", key, verdict, flush=True)  # noqa: T201 # read by the parent

    def announce(self, key: UUID) -> None:
        print("announce", key, flush=True)  # noqa: T201 # read by the parent

    def event(self, name: str) -> None:
        print("event", name, flush=True)  # noqa: T201 # read by the parent


@dataclass(frozen=True)
class Order:
    """One transfer, with all that is left to chance decided."""

    key: UUID
    source: int
    target: int
    amount: int
    locks: tuple[int, int]
    savepoint: bool
    regret: bool
    way: str
    #: After how many seconds the customer stops waiting, when all that is left is COMMIT.
    patience: float | None

    @classmethod
    def drawn(cls, chance: random.Random) -> Order:
        source, target = chance.sample(range(ACCOUNTS), 2)
        return cls(
            key=UUID(int=chance.getrandbits(128), version=4),
            source=source,
            target=target,
            amount=chance.randint(1, OPENING // 2),
            locks=(source, target) if chance.random() < 0.5 else (target, source),
            savepoint=chance.random() < 0.3,
            regret=chance.random() < 0.05,
            way=chance.choice(WAYS),
            patience=chance.uniform(0, 0.004) if chance.random() < 0.1 else None,
        )


@dataclass
class Clerk:
    """Makes one transfer after the other until ``deadline``."""

    db: Database
    record: Record
    chance: random.Random
    deadline: float
    task: asyncio.Task[None] | None = field(default=None, init=False)

    async def work(self) -> None:
        while time.monotonic() < self.deadline:
            order = Order.drawn(self.chance)
            self.record.settle(order.key, "begun")
            self.task = asyncio.create_task(self._transfer(order))
            await asyncio.wait([self.task])
            if not self.task.cancelled():
                self.task.result()

    def cancel(self) -> bool:
        """Cancel the transfer that is being made; whether there was one."""
        return self.task is not None and self.task.cancel()

    async def _transfer(self, order: Order) -> None:
        attempts, doubted = 0, False

        async def work(session: Session) -> None:
            nonlocal attempts
            attempts += 1
            if attempts > 1:
                self.record.event("retries")
            session.on_commit(lambda: self.record.announce(order.key))
            await self._work(session, order)

        async def verify(session: Session) -> bool:
            nonlocal doubted
            doubted = True
            there = await session.get(Transfer, order.key) is not None
            self.record.event(
                "unknown commits found stored" if there else "unknown commits found lost"
            )
            return there

        try:
            await self.db.run(work, verify=verify, reconnect=True, attempts=200, timeout=20)
        except Refused:
            self.record.settle(order.key, "refused")
        except CommitUnknown:
            self.record.settle(order.key, "unknown")
        except UniqueViolation:
            self.record.settle(order.key, "late")
        except DatabaseError as error:
            self.record.event(f"{type(error).__name__} for good")
            self.record.settle(order.key, "failed")
        except asyncio.CancelledError as error:
            self.record.settle(order.key, told_by(error, doubted=doubted))
            raise
        else:
            self.record.settle(order.key, "acknowledged")

    async def _work(self, session: Session, order: Order) -> None:
        """The transfer, and its COMMIT where the unit's end does not send it."""
        if order.way == "block":
            async with session.begin():
                await move(session, order)
                self._lose_patience(order)
            return
        await move(session, order)
        await session.flush()
        self._lose_patience(order)
        if order.way == "commit":
            await session.commit()
        elif order.way == "run_sync":
            await session.run_sync(lambda sync: sync.commit())
        elif order.way == "connection":
            await (await session.connection()).commit()

    def _lose_patience(self, order: Order) -> None:
        if order.patience is not None and self.task is not None:
            asyncio.get_running_loop().call_later(order.patience, self.task.cancel)
            self.record.event("faults: customer gone")


def told_by(error: asyncio.CancelledError, *, doubted: bool) -> str:
    """What a transfer's cancellation says of it: nothing is stored, unless it says so."""
    link: BaseException | None = error
    while link is not None:
        notes = getattr(link, "__notes__", ())
        if any("is stored" in note or "stays stored" in note for note in notes):
            return "cancelled and stored"
        doubted = doubted or isinstance(link, CommitUnknown)
        link = link.__cause__ or link.__context__
    return "cancelled in doubt" if doubted else "cancelled"


async def move(session: Session, order: Order) -> None:
    """The transfer's unit of work."""
    accounts = {}
    for key in order.locks:
        query = select(Account).where(Account.id == key).with_for_update()
        accounts[key] = (await session.exec(query)).one()
    if accounts[order.source].balance < order.amount:
        raise Refused("the account is overdrawn")
    session.add(
        Transfer(id=order.key, source=order.source, target=order.target, amount=order.amount)
    )
    await session.flush()
    if order.savepoint:
        await undone(session, accounts[order.target])
    accounts[order.source].balance -= order.amount
    accounts[order.target].balance += order.amount
    if order.regret:
        await session.flush()
        raise Refused("the customer has thought better of it")


async def undone(session: Session, account: Account) -> None:
    """Change an account in a savepoint and take it back."""
    try:
        async with session.savepoint():
            account.balance += 1_000_000
            await session.flush()
            raise Refused("a part of the transfer failed")
    except Refused:
        await session.refresh(account)


async def open_accounts(db: Database) -> None:
    await db.create_all()
    async with db.session() as session:
        session.add_all(Account(id=number, balance=OPENING) for number in range(ACCOUNTS))


async def audit(db: Database, record: Record) -> None:
    """Fail unless what is stored is what the clerks were told, to the last coin."""
    async with db.session() as session:
        balances = {row.id: row.balance for row in (await session.exec(select(Account))).all()}
        stored = {row.id: row for row in (await session.exec(select(Transfer))).all()}
    expected = dict.fromkeys(range(ACCOUNTS), OPENING)
    for transfer in stored.values():
        expected[transfer.source] -= transfer.amount
        expected[transfer.target] += transfer.amount
    assert balances == expected, "the balances are not what the transfers add up to"
    assert sum(balances.values()) == ACCOUNTS * OPENING
    assert min(balances.values()) >= 0
    must = {"acknowledged": True, "cancelled and stored": True, "late": True}
    must |= {"refused": False, "failed": False, "cancelled": False}
    for key, verdict in record.verdicts.items():
        there = key in stored
        assert must.get(verdict, there) is there, f"{verdict}, and stored is {there}"
        if verdict in ("acknowledged", "cancelled and stored"):
            assert key in record.announced, f"{verdict}, and its callback did not run"
    assert len(record.announced) == len(set(record.announced)), "a callback ran twice"
    assert stored.keys() >= set(record.announced), "a callback ran, and nothing is stored"
    assert stored.keys() <= record.verdicts.keys(), "a transfer that nobody made"


async def employ(db: Database, record: Record, seed: int, seconds: float, clerks: int) -> None:
    """Let clerks work, and one in a while be cancelled: what a child process does."""
    deadline = time.monotonic() + seconds
    staff = [
        Clerk(db, record, random.Random(f"{seed} {number}"), deadline) for number in range(clerks)
    ]
    chance = random.Random(seed)
    async with asyncio.TaskGroup() as tasks:
        for clerk in staff:
            tasks.create_task(clerk.work())
        while time.monotonic() < deadline:
            await asyncio.sleep(chance.uniform(0.05, 0.3))
            if chance.choice(staff).cancel():
                record.event("faults: task cancelled")


async def main(url: str, seed: str, seconds: str, clerks: str) -> None:
    options: dict[str, Any] = {"pool_size": int(clerks), "lock_timeout": 0.5}
    async with open_at(url, **options) as db:
        await employ(db, Printer(), int(seed), float(seconds), int(clerks))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
