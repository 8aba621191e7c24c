from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    Enum,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Select,
    String,
    Table,
    Uuid,
    bindparam,
    func,
    insert,
    select,
    text,
    type_coerce,
)
from sqlalchemy import event as events
from sqlalchemy.types import TypeDecorator

from colonnade.database import Database
from colonnade.engine import PreparedSelect
from colonnade.engine.shortcut import shortcut_of
from colonnade.errors import ColonnadeError, SessionClosed, StatementTimeout
from colonnade.models import DateTimeUTC, EnumValue
from colonnade.session.reader import Reader
from colonnade.testing import count_statements

METADATA = MetaData()
THING = Table(
    "thing",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", String(20)),
    Column("active", Boolean),
    Column("day", Date),
    Column("moment", DateTimeUTC),
    Column("price", Numeric(12, 4)),
    Column("token", Uuid),
    Column("body", LargeBinary),
    Column("notes", JSON),
    Column("kind", EnumValue(("a", "b"))),
)
FULL: dict[str, Any] = {
    "id": 1,
    "name": "Zoë",
    "active": True,
    "day": date(2020, 2, 29),
    "moment": datetime(2021, 3, 4, 5, 6, 7, 89, UTC),
    "price": Decimal("12.3450"),
    "token": UUID(int=7),
    "body": b"\x00\xff",
    "notes": {"a": [1, None, "x"]},
    "kind": "b",
}
EMPTY: dict[str, Any] = dict.fromkeys(FULL) | {"id": 2}
ALL = PreparedSelect(select(*THING.c).where(THING.c.id >= bindparam("v0")).order_by(THING.c.id))


@pytest.fixture
async def db(database_url: str) -> Any:
    async with Database(database_url, metadata=METADATA, reader_pool_size=1) as db:
        await db.create_all()
        async with db.session() as session:
            await session.execute(insert(THING), [FULL, EMPTY])
        yield db


async def asked(db: Database, statement: PreparedSelect = ALL, **values: Any) -> Sequence[Any]:
    async with db.reader() as reader:
        return [tuple(row) for row in await reader.rows(statement, values)]


def takes_shortcuts(db: Database) -> bool:
    return db.family != "mysql"


async def is_known(db: Database, statement: PreparedSelect = ALL) -> bool:
    async with db.reader() as reader:
        engine: Any = reader.sync_session.get_bind()
        scoped = reader._scoping.rows_options(reader.sync_session.get_bind(), statement, None)
        return shortcut_of(engine, statement, scoped) is not None


async def test_every_type_is_read_again_as_it_was_the_first_time(db: Database) -> None:
    expected = [tuple(FULL.values()), tuple(EMPTY.values())]
    for _ in range(3):
        assert await asked(db, v0=1) == expected
        assert await is_known(db) is takes_shortcuts(db)
    assert await asked(db, v0=2) == expected[1:]
    assert await asked(db, v0=3) == []


@pytest.mark.parametrize("name", FULL)
async def test_every_type_is_written_again_as_it_was_the_first_time(
    db: Database, name: str
) -> None:
    if name == "notes":
        pytest.skip("no database compares JSON with JSON alike")
    same = PreparedSelect(
        select(THING.c.id).where(THING.c[name] == bindparam("v0", type_=THING.c[name].type))
    )
    for _ in range(2):
        assert await asked(db, same, v0=FULL[name]) == [(1,)]


async def test_a_value_of_the_statements_own_goes_along(db: Database) -> None:
    own = PreparedSelect(
        select(THING.c.id).where(THING.c.name == "Zoë", THING.c.id == bindparam("v0"))
    )
    for _ in range(2):
        assert await asked(db, own, v0=1) == [(1,)]
        assert await asked(db, own, v0=2) == []


async def test_lists_of_any_length_are_asked_for_sqlalchemys_way(db: Database) -> None:
    some = PreparedSelect(
        select(THING.c.id).where(THING.c.id.in_(bindparam("keys", expanding=True)))
    )
    for keys in ([1], [2, 1], [], [1, 2, 3]):
        assert sorted(await asked(db, some, keys=keys)) == [(key,) for key in sorted(keys)[:2]]
    assert not await is_known(db, some)


async def test_the_connection_is_given_back_after_each_statement(db: Database) -> None:
    await asked(db, v0=1)
    async with db.reader() as reader:
        for _ in range(2):
            assert len(await reader.rows(ALL, {"v0": 1})) == 2
            if takes_shortcuts(db):
                assert not reader.in_transaction()
        # Were it not given back, the pool's only connection would be missing here.
        assert await reader.scalar(select(func.count()).select_from(THING)) == 2
        assert len(await reader.rows(ALL, {"v0": 2})) == 1
        assert not reader.in_transaction()


async def test_whoever_listens_hears_of_every_statement(db: Database) -> None:
    await asked(db, v0=1)
    async with db.reader() as reader:
        with count_statements(reader) as counted:
            for number in range(1, 4):
                await reader.rows(ALL, {"v0": 1})
                assert counted.count == number
    engine: Any = reader.sync_session.get_bind()
    heard: list[str] = []
    events.listen(engine, "before_execute", lambda *given: heard.append(str(given[1])))
    await asked(db, v0=1)
    assert len(heard) == 1


async def test_what_a_connection_alone_listens_to_is_heard(db: Database) -> None:
    await asked(db, v0=1)
    heard: list[str] = []
    async with db.reader() as reader:
        connection = (await reader.connection()).sync_connection
        events.listen(connection, "before_cursor_execute", lambda *given: heard.append(given[2]))
        await reader.rows(ALL, {"v0": 1})
    assert len(heard) == 1


async def test_a_snapshot_sees_one_picture_also_by_statements_known_before(db: Database) -> None:
    await asked(db, v0=1)
    async with db.reader(snapshot=True) as reader:
        assert len(await reader.rows(ALL, {"v0": 1})) == 2
        async with db.session() as session:
            await session.execute(insert(THING), {**EMPTY, "id": 3})
        assert len(await reader.rows(ALL, {"v0": 1})) == 2
    assert len(await asked(db, v0=1)) == 3


async def failing(db: Database, statement: PreparedSelect, **values: Any) -> ColonnadeError:
    with pytest.raises(ColonnadeError) as caught:
        await asked(db, statement, **values)
    return caught.value


async def test_a_refused_statement_is_the_same_error_each_time(db: Database) -> None:
    if db.family == "postgresql":
        division: Select[Any] = select(1 / func.nullif(bindparam("v0", type_=Integer), 9))
    else:
        division = select(func.abs(bindparam("v0", type_=Integer)))
    statement = PreparedSelect(division)
    assert len(await asked(db, statement, v0=1)) == 1
    if db.family == "postgresql":
        first = await failing(db, PreparedSelect(division), v0=0)
        again = await failing(db, statement, v0=0)
        assert (type(again), again.code, again.message) == (type(first), first.code, first.message)
        assert again.__cause__ is not None
    assert len(await asked(db, statement, v0=2)) == 1


def slow(db: Database, seconds: float = 10) -> PreparedSelect:
    """A statement that takes some ``seconds`` for a ``v0`` of 1, and none for 0."""
    if db.family == "postgresql":
        sleep: Select[Any] = select(func.pg_sleep(seconds * bindparam("v0", type_=Integer)))
        return PreparedSelect(sleep)
    rows = round(seconds * 10_000_000)
    counting = text(
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :v0 * {rows})"
        " SELECT count(*) AS c FROM n"
    )
    return PreparedSelect(select(counting.columns(Column("c", Integer)).subquery().c.c))


async def test_a_statement_that_outlives_its_limit_is_ended(database_url: str) -> None:
    async with Database(database_url, statement_timeout=0.3, reader_pool_size=1) as db:
        if not takes_shortcuts(db):
            pytest.skip("it takes no shortcuts")
        statement = slow(db)
        await asked(db, statement, v0=0)
        assert await is_known(db, statement)
        begun = time.monotonic()
        assert isinstance(await failing(db, statement, v0=1), StatementTimeout)
        assert time.monotonic() - begun < 5
        assert len(await asked(db, statement, v0=0)) == 1


async def test_a_cancelled_statement_leaves_the_pool_in_order(db: Database) -> None:
    if not takes_shortcuts(db):
        pytest.skip("it takes no shortcuts")
    statement = slow(db)
    await asked(db, statement, v0=0)
    task = asyncio.create_task(asked(db, statement, v0=1))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    begun = time.monotonic()
    assert len(await asked(db, statement, v0=0)) == 1
    assert time.monotonic() - begun < 5


async def test_a_session_closed_by_another_task_ends_its_statement(db: Database) -> None:
    if not takes_shortcuts(db):
        pytest.skip("it takes no shortcuts")
    statement = slow(db)
    await asked(db, statement, v0=0)
    opened: asyncio.Future[Reader] = asyncio.get_running_loop().create_future()

    async def ask() -> None:
        async with db.reader() as reader:
            opened.set_result(reader)
            await reader.rows(statement, {"v0": 1})

    task = asyncio.create_task(ask())
    reader = await opened
    await asyncio.sleep(0.1)
    await reader.close()
    with pytest.raises(ColonnadeError):
        await task
    with pytest.raises(SessionClosed):
        await reader.rows(statement, {"v0": 0})
    assert len(await asked(db, statement, v0=0)) == 1


async def test_a_value_that_is_asked_for_at_each_execution_is_never_kept(db: Database) -> None:
    asked_for = iter(range(1, 10))
    counted = PreparedSelect(
        select(
            bindparam("n", callable_=lambda: next(asked_for), type_=Integer) * 10,
            bindparam("v0", type_=Integer) + 0,
        )
    )
    assert [await asked(db, counted, v0=number) for number in (7, 8, 9)] == [
        [(10, 7)],
        [(20, 8)],
        [(30, 9)],
    ]
    # What is handed in goes before it, and nobody is asked.
    assert await asked(db, counted, v0=1, n=5) == [(50, 1)]
    assert await asked(db, counted, v0=1) == [(40, 1)]


class Coin(TypeDecorator[Any]):
    """A type of which the same stored value is read otherwise each time."""

    impl = Enum("a", "b", native_enum=False)
    cache_ok = True
    tosses = itertools.count()

    def process_result_value(self, value: Any, dialect: Any) -> Any:
        return None if value is None else (value, next(self.tosses))


async def test_only_types_that_read_constants_have_them_kept(db: Database) -> None:
    columns = (THING.c.active, THING.c.kind, type_coerce(THING.c.kind, Coin()).label("coin"))
    statement = PreparedSelect(select(*columns))
    found = [tuple(await asked(db, statement)) for _ in range(3)]
    assert {row[:2] for rows in found for row in rows} == {(True, "b"), (None, None)}
    tosses = [row[2] for rows in found for row in rows if row[2] is not None]
    assert len(set(tosses)) == len(tosses) == 3


async def test_a_connection_that_overflowed_the_pool_is_closed_in_order(database_url: str) -> None:
    """Two connections of a pool of one: whichever comes second finds the pool full."""
    async with Database(database_url, metadata=METADATA, pool_size=1, max_overflow=1) as db:
        if not takes_shortcuts(db):
            pytest.skip("it takes no shortcuts")
        statement = slow(db, 0.5)
        await asked(db, statement, v0=0)
        task = asyncio.create_task(asked(db, statement, v0=1))
        await asyncio.sleep(0.05)
        async with db.reader() as reader:
            await reader.scalar(text("SELECT 1"))
        await task
        pool: Any = db.engines[1].pool
        assert (pool.checkedin(), pool.checkedout()) == (1, 0)
        assert len(await asked(db, statement, v0=0)) == 1


@pytest.mark.parametrize("closing", [True, False])
async def test_a_statement_that_is_cut_off_is_the_same_error_directly_and_by_sqlalchemys_way(
    db: Database, closing: bool
) -> None:
    if not takes_shortcuts(db):
        pytest.skip("it takes no shortcuts")
    statement = slow(db)
    await asked(db, statement, v0=0)
    kinds = []
    for direct in (True, False):
        opened: asyncio.Future[Reader] = asyncio.get_running_loop().create_future()

        async def ask(opened: asyncio.Future[Reader] = opened) -> None:
            async with db.reader() as reader:
                if not direct:  # noqa: B023 # awaited in this turn of the loop
                    await reader.connection()
                opened.set_result(reader)
                await reader.rows(statement, {"v0": 1})

        task = asyncio.create_task(ask())
        reader = await opened
        await asyncio.sleep(0.1)
        assert (reader._taken is not None) is direct
        if closing:
            await reader.close()
        else:
            task.cancel()
        (error,) = await asyncio.gather(task, return_exceptions=True)
        kinds.append(type(error))
        assert len(await asked(db, statement, v0=0)) == 1
    assert kinds[0] is kinds[1]
    assert issubclass(kinds[0], ColonnadeError if closing else asyncio.CancelledError)
