"""An error says which fields it is about where no constraint has a name in the metadata."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import Column, MetaData, String, UniqueConstraint
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from colonnade.database import Database
from colonnade.errors import ForeignKeyViolation, NotNullViolation, UniqueViolation

SECRET = "Zq7-hush"


class Base(SQLModel, registry=registry(metadata=MetaData())):
    """No convention names anything."""


class Team(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True, max_length=20)


class Hero(Base, table=True):
    __table_args__ = (UniqueConstraint("first", "last"),)

    id: int | None = Field(default=None, primary_key=True)
    first: str = Field(default="a", max_length=20)
    last: str = Field(default="b", max_length=20)
    slug: str = Field(index=True, unique=True, max_length=20)
    nick: str | None = Field(default="n", sa_column=Column("nick_name", String(20), nullable=False))
    team_id: int | None = Field(default=None, foreign_key="team.id")


class Seat(Base, table=True):
    hall: str = Field(primary_key=True, max_length=20)
    row: int = Field(primary_key=True)


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url, metadata=Base.metadata) as db:
        await db.create_all()
        async with db.session() as session:
            session.add_all([Team(name=SECRET), Hero(slug=SECRET), Seat(hall=SECRET, row=1)])
        yield db


@pytest.mark.parametrize(
    ("row", "kind", "model", "fields"),
    [
        (lambda: Team(name=SECRET), UniqueViolation, "Team", ("name",)),
        (lambda: Team(id=1, name="other"), UniqueViolation, "Team", ("id",)),
        (lambda: Hero(slug="other"), UniqueViolation, "Hero", ("first", "last")),
        (lambda: Hero(first="c", slug=SECRET), UniqueViolation, "Hero", ("slug",)),
        (lambda: Seat(hall=SECRET, row=1), UniqueViolation, "Seat", ("hall", "row")),
        (lambda: Hero(first="c", slug="d", nick=None), NotNullViolation, "Hero", ("nick",)),
    ],
)
async def test_the_fields_come_from_what_the_driver_tells(
    db: Database, row: Any, kind: type[Exception], model: str, fields: tuple[str, ...]
) -> None:
    with pytest.raises(kind) as caught:
        async with db.session() as session:
            session.add(row())
    error: Any = caught.value
    assert (error.model, error.fields) == (model, fields)
    assert SECRET not in str(error)


async def test_the_fields_of_a_reference_are_told_where_the_database_tells_them(
    db: Database,
) -> None:
    with pytest.raises(ForeignKeyViolation) as caught:
        async with db.session() as session:
            session.add(Hero(first="c", slug="d", team_id=99))
    # SQLite says that a foreign key failed, and not which.
    expected = () if db.family == "sqlite" else ("team_id",)
    assert (caught.value.model, caught.value.fields) == ("Hero", expected)
