"""What two concurrent units of work do to each other, as docs/concurrency.md says it."""

from __future__ import annotations

import asyncio
import random
import re
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import MetaData, func, select, update
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel
from tests.interleaved import Side, finish
from tests.test_documentation import RUN, blocks, python

from colonnade import Database, ServiceBase
from colonnade.errors import StaleVersion
from colonnade.models import Versioned
from colonnade.session.session import Session

DOCS = Path(__file__).parents[2] / "docs"


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Account(Versioned, Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    balance: int = 0


class AccountService(ServiceBase[Account, Account, Account]):
    pass


ACCOUNT: Any = Account
BALANCES: Any = select(ACCOUNT.id, ACCOUNT.balance).order_by(ACCOUNT.id)


@pytest.fixture
async def bank(database_url: str) -> AsyncIterator[Database]:
    """A database with two accounts of 100, once for each kind."""
    options: dict[str, Any] = {"lock_timeout": 30, "pool_timeout": 60}
    async with Database(database_url, metadata=Base.metadata, **options) as db:
        await db.create_all()
        async with db.session() as session:
            session.add_all([Account(id=1, balance=100), Account(id=2, balance=100)])
        yield db


async def balances(db: Database) -> list[int]:
    async with db.reader() as session:
        return [row.balance for row in (await session.execute(BALANCES)).all()]


# Steps


def read(key: int) -> Any:
    async def step(session: Session) -> int:
        found: int = (
            await session.execute(select(ACCOUNT.balance).where(ACCOUNT.id == key))
        ).scalar_one()
        session.info[key] = found
        return found

    return step


def write(key: int, change: int) -> Any:
    """Write what was read, changed."""

    async def step(session: Session) -> None:
        value = session.info[key] + change
        await session.execute(update(ACCOUNT).where(ACCOUNT.id == key).values(balance=value))

    return step


def withdraw(key: int, amount: int) -> Any:
    """Take the amount if both accounts together had it when they were read."""

    async def step(session: Session) -> None:
        if session.info[1] + session.info[2] >= amount:
            await write(key, -amount)(session)

    return step


async def count(session: Session) -> int:
    number: int = (
        await session.execute(select(func.count()).select_from(ACCOUNT).where(ACCOUNT.balance >= 0))
    ).scalar_one()
    return number


async def insert(session: Session) -> None:
    session.add(Account(id=3, balance=1))
    await session.flush()


# Situations: each answers with the word that the page has for its outcome

HAPPENS: Final = "happens"
NO: Final = "no"
WAITS: Final = "waits"


async def lost_update(db: Database, first: Side, second: Side) -> str:
    for side in (first, second):
        await side.do(read(1))
    await first.do(write(1, -10))
    await first.commit()
    await second.do(write(1, -10))
    await second.commit()
    return await _word(db, first, second, lost=[90, 100], one=[90, 100], exact=[80, 100])


async def write_skew(db: Database, first: Side, second: Side) -> str:
    for key in (1, 2):
        for side in (first, second):
            await side.do(read(key))
    await first.do(withdraw(1, 150))
    await second.do(withdraw(2, 150))
    await first.commit()
    await second.commit()
    return await _word(db, first, second, lost=[-50, -50], one=[-50, 100], exact=[-50, 100])


async def _word(
    db: Database, first: Side, second: Side, *, lost: list[int], one: list[int], exact: list[int]
) -> str:
    errors = await finish(first, second)
    left = await balances(db)
    if errors:
        assert len(errors) == 1
        assert left == one
        return errors[0]
    if left == lost:
        return HAPPENS
    assert left == exact
    assert first.waited or second.waited
    return WAITS


async def changed_row(db: Database, first: Side, second: Side) -> str:
    return await _seen_twice(first, second, read(1), _set)


async def _set(session: Session) -> None:
    await session.execute(update(ACCOUNT).where(ACCOUNT.id == 1).values(balance=7))


async def new_row(db: Database, first: Side, second: Side) -> str:
    return await _seen_twice(first, second, count, insert)


async def _seen_twice(first: Side, second: Side, look: Any, change: Any) -> str:
    before = await first.do(look)
    await second.do(change)
    await second.commit()
    after = await first.do(look)
    waited = second.waited
    await first.commit()
    assert await finish(first, second) == []
    if before != after:
        return HAPPENS
    return WAITS if waited else NO


async def deadlock(db: Database, first: Side, second: Side) -> str:
    await first.do(lambda session: _add(session, 1))
    await second.do(lambda session: _add(session, 2))
    await first.do(lambda session: _add(session, 2))
    await second.do(lambda session: _add(session, 1))
    await first.commit()
    await second.commit()
    errors = await finish(first, second)
    assert await balances(db) == ([102, 102] if not errors else [101, 101])
    return errors[0] if errors else WAITS


async def _add(session: Session, key: int) -> None:
    await session.execute(
        update(ACCOUNT).where(ACCOUNT.id == key).values(balance=ACCOUNT.balance + 1)
    )


SITUATIONS = (lost_update, changed_row, new_row, write_skew, deadlock)


def _table() -> list[tuple[str, str, str, str]]:
    """Return the page's table as database, level, situation, outcome."""
    page = (DOCS / "concurrency.md").read_text()
    (head, lines) = re.search(r"(\| database \| level \|.*)\n\|[-|]+\n((?:\|.*\n)+)", page).groups()  # type: ignore[union-attr]  # the page has it
    names = [name.strip().replace(" ", "_") for name in head.strip("|").split("|")][2:]
    assert names == [situation.__name__ for situation in SITUATIONS]
    found = []
    for line in lines.splitlines():
        database, level, *words = (cell.strip().strip("`") for cell in line.strip("|").split("|"))
        found += [(database, level, name, word) for name, word in zip(names, words, strict=True)]
    return found


KINDS = {"PostgreSQL": "postgresql", "MySQL, MariaDB": "mysql", "SQLite": "sqlite"}
DEFAULT = " (its default)"


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda one: one.__name__)
async def test_the_page_says_what_two_units_can_do_to_each_other(
    bank: Database, situation: Callable[[Database, Side, Side], Awaitable[str]]
) -> None:
    rows = [
        (level, word)
        for database, level, name, word in _table()
        if KINDS[database] == bank.family and name == situation.__name__
    ]
    assert rows
    for level, word in rows:
        # The default is what a unit gets that asks for nothing.
        plain = level.endswith(DEFAULT) or bank.family == "sqlite"
        options = {} if plain else {"isolation": level}
        async with bank.session() as session:
            await session.execute(update(ACCOUNT).values(balance=100))
            await session.execute(ACCOUNT.__table__.delete().where(ACCOUNT.id == 3))
        outcome = await situation(bank, Side(bank, **options), Side(bank, **options))
        assert (level, outcome) == (level, word)


async def test_only_read_uncommitted_of_mysql_shows_what_is_not_committed(bank: Database) -> None:
    seen = {}
    for level in ("read uncommitted", "read committed"):
        if bank.family == "sqlite":
            pytest.skip("SQLite has one level")
        writer, reader = Side(bank, isolation=level), Side(bank, isolation=level)
        await writer.do(_set)
        seen[level] = await reader.do(read(1))
        for side in (reader, writer):
            await side.commit()
        assert await finish(writer, reader) == []
        async with bank.session() as session:
            await session.execute(update(ACCOUNT).values(balance=100))
    assert seen == {
        "read uncommitted": 7 if bank.family == "mysql" else 100,
        "read committed": 100,
    }


async def test_on_mysql_a_lock_sees_newer_rows_than_a_plain_read_beside_it(bank: Database) -> None:
    if bank.family != "mysql":
        pytest.skip("a matter of InnoDB")
    late, early = Side(bank), Side(bank)
    await late.do(read(2))
    await early.do(_set)
    await early.commit()
    locked = await late.do(
        lambda session: session.scalar(
            select(ACCOUNT.balance).where(ACCOUNT.id == 1).with_for_update()
        )
    )
    assert (locked, await late.do(read(1))) == (7, 100)
    await late.commit()
    assert await finish(late, early) == []


async def test_a_lock_reads_anew_what_the_session_holds(bank: Database) -> None:
    """``lock()`` by itself; a select of one's own when it is told to."""
    own: Any = select(ACCOUNT).where(ACCOUNT.id == 1).with_for_update()
    for lock in (
        lambda session: AccountService(session).where(id=1).lock().one(),
        lambda session: session.scalar(own.execution_options(populate_existing=True)),
    ):
        level = {} if bank.family == "sqlite" else {"isolation": "read committed"}
        async with bank.session(**level) as session:  # type: ignore[typeddict-item]
            held = await AccountService(session).get(1)
            await session.commit()
            async with bank.session() as other:
                await _add(other, 1)
            before = held.balance
            assert (await lock(session)) is held
            assert held.balance == before + 1


# The safe ways, with real concurrency

ACCOUNTS = 12
TASKS = 8
TRANSFERS = 25


async def with_a_lock(session: Session, source: int, target: int, amount: int) -> None:
    accounts = AccountService(session).where(id__in=[source, target])
    found = {account.id: account for account in await accounts.order_by("id").lock().all()}
    found[source].balance -= amount
    found[target].balance += amount


async def with_a_select_for_update(session: Session, source: int, target: int, amount: int) -> None:
    """As in the first example of ``run``."""
    accounts: Any = select(ACCOUNT).where(ACCOUNT.id.in_([source, target])).order_by(ACCOUNT.id)
    found = {item.id: item for item in (await session.scalars(accounts.with_for_update())).all()}
    found[source].balance -= amount
    found[target].balance += amount


async def with_an_expression(session: Session, source: int, target: int, amount: int) -> None:
    changes = sorted([(source, -amount), (target, amount)])
    for key, change in changes:
        await (
            AccountService(session).where(id=key).update_all({"balance": ACCOUNT.balance + change})
        )


async def with_a_version(session: Session, source: int, target: int, amount: int) -> None:
    accounts = AccountService(session)
    found = {key: await accounts.get(key) for key in sorted((source, target))}
    for key, change in sorted([(source, -amount), (target, amount)]):
        await accounts.update(key, {"balance": found[key].balance + change})


async def read_then_write(session: Session, source: int, target: int, amount: int) -> None:
    """By flush: exact by the version that it checks, or by the level."""
    found = {key: await AccountService(session).get(key) for key in sorted((source, target))}
    found[source].balance -= amount
    found[target].balance += amount


WAYS: dict[str, tuple[Any, dict[str, Any]]] = {
    "lock": (with_a_lock, {}),
    "select for update": (with_a_select_for_update, {}),
    "expression": (with_an_expression, {}),
    "version": (with_a_version, {}),
    "version by flush": (read_then_write, {}),
    "serializable": (read_then_write, {"isolation": "serializable"}),
}


@pytest.mark.parametrize("way", WAYS)
async def test_two_hundred_transfers_of_eight_tasks_are_exact_in_every_safe_way(
    bank: Database, way: str
) -> None:
    work, options = WAYS[way]
    expected = dict.fromkeys(range(1, ACCOUNTS + 1), 1000)
    async with bank.session() as session:
        await session.execute(update(ACCOUNT).values(balance=1000))
        session.add_all([Account(id=key, balance=1000) for key in range(3, ACCOUNTS + 1)])

    async def transfer(chance: random.Random) -> None:
        source, target = chance.sample(range(1, ACCOUNTS + 1), 2)
        amount = chance.randint(1, 9)
        while True:
            try:
                await bank.run(
                    lambda session: work(session, source, target, amount),
                    attempts=1000,
                    timeout=60,
                    **options,
                )
            except StaleVersion:
                assert "version" in way or way == "serializable"
                continue
            break
        expected[source] -= amount
        expected[target] += amount

    async def teller(number: int) -> None:
        chance = random.Random(number)
        for _ in range(TRANSFERS):
            await transfer(chance)

    await asyncio.gather(*(teller(number) for number in range(TASKS)))
    assert await balances(bank) == list(expected.values())
    assert sum(expected.values()) == ACCOUNTS * 1000


@pytest.mark.parametrize("page", ["concurrency", "database"])
def test_a_page_with_transfers_runs_on_every_server(
    server_url: str, page: str, tmp_path: Path
) -> None:
    source = blocks(DOCS / f"{page}.md", "python").replace("sqlite:///bank.db", server_url)
    answer: subprocess.CompletedProcess[str] = python(
        "-W", "error", "-c", RUN, page, cwd=tmp_path, source=source
    )
    assert answer.returncode == 0, answer.stderr


def test_the_first_example_of_run_is_exact_under_concurrency(
    database_url: str, tmp_path: Path
) -> None:
    source = blocks(DOCS / "database.md", "python").replace("sqlite:///bank.db", database_url)
    begin = source.index("async def transfer")
    end = source.index("assert await db.run(transfer")
    told = source[:begin] + source[begin:end] + TELLERS
    answer = python("-W", "error", "-c", RUN, "run", cwd=tmp_path, source=told)
    assert answer.returncode == 0, answer.stderr


TELLERS = """
import asyncio
from colonnade import Database

await db.close()
db = Database(db._address.url, pool_timeout=60, lock_timeout=60)


async def several():
    for _ in range(20):
        await db.run(transfer, attempts=100, timeout=60)


await asyncio.gather(*(several() for _ in range(8)))
async with db.reader() as session:
    ann, ben = (await session.exec(select(Account).order_by(Account.id))).all()
    assert (ann.balance, ben.balance) == (100 - 1600, 1600), (ann, ben)
await db.drop_all()
await db.close()
"""
