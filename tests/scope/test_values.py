"""A scope's value is checked when it is bound, as the operand of a lookup on its column is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import MetaData, or_, select
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from colonnade import Database, Scope, ServiceBase
from colonnade.errors import InvalidOperand


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Crate(Base, table=True):
    __scopes__ = (Scope("dock", column="dock_id"),)
    id: int | None = Field(default=None, primary_key=True)
    dock_id: int = Field(default=None)
    label: str = Field(default="", max_length=20)


class Parcel(Base, table=True):
    __scopes__ = (Scope("parcel_of", column="owner"),)
    id: int | None = Field(default=None, primary_key=True)
    owner: UUID = Field(default=None)


class Letter(Base, table=True):
    """Read by its writer and by those of its rooms."""

    __scopes__ = (
        Scope("letter_writer", lambda row, who: or_(row.open, row.writer == who)),
        Scope("letter_rooms", lambda row, rooms: row.room_id.in_(rooms)),
    )
    id: int | None = Field(default=None, primary_key=True)
    writer: str = Field(max_length=20)
    room_id: int
    open: bool = False


class Numbered(Base, table=True):
    __scopes__ = (Scope("mixed", column="of"),)
    id: int | None = Field(default=None, primary_key=True)
    of: int = Field(default=None)


class Named(Base, table=True):
    __scopes__ = (Scope("mixed", column="of"),)
    id: int | None = Field(default=None, primary_key=True)
    of: str = Field(default=None, max_length=20)


class Crates(ServiceBase[Crate, Crate, Crate]):
    scopes = (Scope("crate_label", column="label"),)


class Plain(ServiceBase[Crate, Crate, Crate]):
    pass


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url, metadata=Base.metadata) as db:
        await db.create_all()
        for dock in (0, 1):
            async with db.session(scope={"dock": dock}) as session:
                session.add(Crate(label=f"of {dock}"))
        yield db


NO_NUMBERS: tuple[Any, ...] = (
    "abc",
    "1abc",
    "",
    object(),
    1.5,
    b"1",
    True,
    Decimal("1.5"),
    [1],
    2**70,
)


@pytest.mark.parametrize("value", NO_NUMBERS, ids=lambda value: type(value).__name__)
async def test_what_is_no_value_of_the_column_is_refused_when_it_is_bound(
    db: Database, value: Any
) -> None:
    for opening in (db.session, db.reader):
        with pytest.raises(InvalidOperand, match="the scope 'dock': dock_id takes int") as caught:
            opening(scope={"dock": value})
        assert (caught.value.model, caught.value.fields) == ("Crate", ("dock_id",))
    with pytest.raises(InvalidOperand):
        await db.run(lambda _: None, scope={"dock": value})  # type: ignore[arg-type, return-value]
    async with db.session(scope={"dock": 1}) as session:
        with pytest.raises(InvalidOperand):
            async with session.scoped(dock=value):
                raise AssertionError
        assert session.scope.values == {"dock": 1}


async def test_a_refusal_is_what_a_lookup_says(db: Database) -> None:
    async with db.session(scope={"dock": 1}) as session:
        with pytest.raises(InvalidOperand) as lookup:
            Plain(session).where(dock_id="1abc")
    with pytest.raises(InvalidOperand) as scope:
        db.session(scope={"dock": "1abc"})
    assert scope.value.message == f"the scope 'dock': {lookup.value.message}"
    assert (scope.value.hint, scope.value.fields) == (lookup.value.hint, lookup.value.fields)


async def test_a_value_becomes_the_columns_as_it_does_in_a_lookup(db: Database) -> None:
    async with db.session(scope={"dock": "1"}) as session:
        assert session.scope.values == {"dock": 1}
        assert [crate.label for crate in await Plain(session).where().all()] == ["of 1"]
        crate = Crate()
        session.add(crate)
        await session.flush()
        assert (crate.dock_id, type(crate.dock_id)) == (1, int)
        await session.rollback()
    key = UUID(int=7)
    async with db.session(scope={"parcel_of": str(key)}) as session:
        session.add(Parcel())
        await session.flush()
        assert (await session.scalars(select(Parcel.owner))).all() == [key]
        await session.rollback()
    with pytest.raises(InvalidOperand):
        db.session(scope={"parcel_of": "no key"})


async def test_a_condition_checks_what_it_compares_its_value_with(db: Database) -> None:
    for wrong in (
        {"letter_writer": 7},
        {"letter_writer": object()},
        {"letter_rooms": 7},
        {"letter_rooms": "12"},
        {"letter_rooms": [1, "x"]},
    ):
        with pytest.raises(InvalidOperand):
            db.session(scope=wrong)
    async with db.session(scope={"letter_writer": "ann", "letter_rooms": {"1", 2}}) as session:
        session.add_all(
            [
                Letter(writer=writer, room_id=room, open=free)
                for writer, room, free in (("ann", 1, False), ("bob", 2, True), ("ann", 3, False))
            ]
        )
        await session.flush()
        assert sorted(await session.scalars(select(Letter.room_id))) == [1, 2]
        await session.rollback()


async def test_a_service_s_own_scope_is_checked_too(db: Database) -> None:
    with pytest.raises(InvalidOperand, match="the scope 'crate_label': label takes str"):
        db.session(scope={"dock": 1, "crate_label": 7})


async def test_a_name_that_models_share_takes_what_fits_one_and_the_other_refuses_it(
    db: Database,
) -> None:
    with pytest.raises(InvalidOperand):
        db.session(scope={"mixed": 1.5})
    async with db.session(scope={"mixed": "x"}) as session:
        session.add(Named())
        await session.flush()
        assert (await session.scalars(select(Named.of))).all() == ["x"]
        with pytest.raises(InvalidOperand):
            await session.execute(select(Numbered))
        session.add(Numbered())
        with pytest.raises(InvalidOperand):
            await session.flush()
        await session.rollback()
    async with db.session(scope={"mixed": "7"}) as session:
        session.add_all([Named(), Numbered()])
        await session.flush()
        assert (await session.scalars(select(Named.of))).all() == ["7"]
        assert (await session.scalars(select(Numbered.of))).all() == [7]
        await session.rollback()
