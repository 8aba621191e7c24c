from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import JSON, Boolean, Column, Integer, MetaData, String, Uuid, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel, select
from tests.guild import Anything

from colonnade import ServiceBase
from colonnade.database import Database
from colonnade.errors import InvalidChanges, InvalidOperand, UniqueViolation
from colonnade.models import IntegerKey
from colonnade.testing import count_statements
from colonnade.writing import bulk_insert


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Stone(IntegerKey, Base, table=True):
    name: str = Field(max_length=20, unique=True)
    weight: int | None = None
    # An attribute, a key and a column that are three different names.
    colour: str | None = Field(
        default=None, sa_column=Column("farbe", String(10), key="shade", default="grey")
    )
    size: int = Field(default=1, sa_column=Column("groesse", Integer, nullable=False, default=1))


@pytest.fixture
async def db(database: Database) -> Database:
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    return database


def stones(number: int, **more: Any) -> Iterator[dict[str, Any]]:
    for n in range(number):
        yield {"name": f"stone {n}", "weight": n if n % 3 else None, **more}


async def _all(db: Database) -> list[Stone]:
    async with db.session() as session:
        return list((await session.exec(select(Stone).order_by("id"))).all())


async def test_every_row_of_a_source_is_inserted_in_its_order(db: Database) -> None:
    async with db.session() as session:
        assert await bulk_insert(session, Stone, stones(25), batch=10) == 25
    found = await _all(db)
    assert [(item.name, item.weight) for item in found] == [
        (row["name"], row["weight"]) for row in stones(25)
    ]


async def test_one_statement_is_sent_for_each_batch(db: Database) -> None:
    async with db.session() as session:
        with count_statements(db) as statements:
            await bulk_insert(session, Stone, stones(25), batch=10)
    statements.expect(3)


async def test_progress_follows_the_batches_and_the_source_is_read_no_further(
    db: Database,
) -> None:
    read = 0

    def source() -> Iterator[dict[str, Any]]:
        nonlocal read
        for row in stones(25):
            read += 1
            yield row

    seen: list[tuple[int, int]] = []
    async with db.session() as session:
        await bulk_insert(
            session, Stone, source(), batch=10, progress=lambda done: seen.append((done, read))
        )
    assert seen == [(10, 10), (20, 20), (25, 25)]


async def test_no_rows_are_no_statement(db: Database) -> None:
    async with db.session() as session:
        with count_statements(db) as statements:
            assert await bulk_insert(session, Stone, []) == 0
    statements.expect(0)


async def test_a_field_is_named_by_its_attribute_whatever_the_column_is_called(
    db: Database,
) -> None:
    async with db.session() as session:
        await bulk_insert(session, Stone, stones(2, colour="blue", size=4))
    assert {(item.colour, item.size) for item in await _all(db)} == {("blue", 4)}


async def test_a_columns_default_fills_a_field_that_no_row_has(db: Database) -> None:
    async with db.session() as session:
        await bulk_insert(session, Stone, stones(2))
    assert {(item.colour, item.size) for item in await _all(db)} == {("grey", 1)}


class Leaf(Base, table=True):
    """Defaults beside ``sa_column``, which SQLModel does not give the column."""

    id: UUID = Field(default_factory=uuid4, sa_column=Column("leaf_id", Uuid, primary_key=True))
    green: bool = Field(default=True, sa_column=Column(Boolean, nullable=False))
    tags: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    name: str = Field(default="x", sa_column=Column(String(9), nullable=False, server_default="y"))
    note: str | None = Field(default=None, sa_column=Column(String(9), server_default="z"))


class Leaves(ServiceBase[Leaf, Anything, Anything]):
    pass


LEAF = (True, [], "x", "z")


async def test_a_fields_default_counts_beside_a_column_of_its_own(db: Database) -> None:
    async with db.session() as session:
        service = Leaves(session)
        made = [await service.create({}), *await service.create_many([{}, {}])]
        await service.create_many([{}, {}], returning=False)
        await bulk_insert(session, Leaf, [{"note": "z"}, {"note": "z"}])
        session.add(Leaf())
    async with db.reader() as session:
        found = await Leaves(session).all()
    for leaf in (*made, *found):
        assert (leaf.green, leaf.tags, leaf.name, leaf.note) == LEAF
    assert len({leaf.id for leaf in found}) == 8


async def test_an_unknown_field_is_refused_before_the_database_with_the_nearest(
    db: Database,
) -> None:
    async with db.session() as session:
        with count_statements(db) as statements, pytest.raises(InvalidChanges) as caught:
            await bulk_insert(session, Stone, stones(2, colur="blue"))
    statements.expect(0)
    assert caught.value.fields == ("colur",)
    assert "colour" in (caught.value.hint or "")


@pytest.mark.parametrize("odd", [{"name": "x"}, {"name": "x", "weight": 1, "size": 2}])
async def test_a_row_with_other_fields_than_the_first_is_refused_by_number(
    db: Database, odd: dict[str, Any]
) -> None:
    with pytest.raises(InvalidChanges, match="row 4 has other fields"):
        async with db.session() as session:
            await bulk_insert(session, Stone, [*stones(3), odd], batch=2)
    assert await _all(db) == []


async def test_a_refused_row_leaves_none_of_the_unit(db: Database) -> None:
    rows = [*stones(12), {"name": "stone 0", "weight": 1}]
    with pytest.raises(UniqueViolation):
        async with db.session() as session:
            await bulk_insert(session, Stone, rows, batch=5)
    assert await _all(db) == []


async def test_a_source_that_breaks_leaves_nothing(db: Database) -> None:
    def source() -> Iterator[dict[str, Any]]:
        yield from stones(7)
        raise OSError("the file is gone")

    with pytest.raises(OSError, match="the file is gone"):
        async with db.session() as session:
            await bulk_insert(session, Stone, source(), batch=5)
    assert await _all(db) == []


async def test_what_the_session_holds_is_flushed_first(db: Database) -> None:
    async with db.session() as session:
        session.add(Stone(name="first"))
        await bulk_insert(session, Stone, stones(1))
    assert [item.name for item in await _all(db)] == ["first", "stone 0"]


async def test_a_caught_refusal_in_a_savepoint_leaves_the_session_usable(db: Database) -> None:
    async with db.session() as session:
        await bulk_insert(session, Stone, stones(3))
        with pytest.raises(UniqueViolation):
            async with session.savepoint():
                await bulk_insert(session, Stone, stones(1))
        assert await session.scalar(text("SELECT count(*) FROM stone")) == 3


@pytest.mark.parametrize("batch", [0, -1, True, 2.5])
async def test_a_batch_that_is_no_number_of_rows_is_refused(database: Database, batch: Any) -> None:
    async with database.session() as session:
        with pytest.raises(InvalidOperand, match="batch"):
            await bulk_insert(session, Stone, [], batch=batch)


async def test_an_insert_that_is_cancelled_while_it_sends_ends_at_once_and_leaves_nothing(
    db: Database,
) -> None:
    # Without help asyncpg forgets a cancellation that comes while it sends, and waits for ever.
    def cancel_in_the_next_batch(done: int) -> None:
        asyncio.get_running_loop().call_soon(task.cancel)

    async def load() -> None:
        async with db.session() as session:
            # A batch has to be more than the 128 KiB that asyncpg sends in one go.
            rows = stones(30_000, colour="x" * 10)
            await bulk_insert(session, Stone, rows, batch=10_000, progress=cancel_in_the_next_batch)

    task = asyncio.create_task(load())
    await asyncio.wait([task], timeout=10)
    assert task.cancelled()
    assert await _all(db) == []
    async with db.session() as session:
        assert await bulk_insert(session, Stone, stones(3)) == 3
