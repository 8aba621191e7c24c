"""Operators on arrays: PostgreSQL has them, elsewhere they are refused."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import ARRAY, JSON, Column, Integer, MetaData, String
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from colonnade import Database, ServiceBase, not_
from colonnade.errors import UnknownOperator
from colonnade.filters import OPERATORS, parse_lookups
from colonnade.models import IntegerKey


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


STRINGS = ARRAY(String(20)).with_variant(JSON(), "sqlite", "mysql", "mariadb")
NUMBERS = ARRAY(Integer).with_variant(JSON(), "sqlite", "mysql", "mariadb")


class Note(IntegerKey, Base, table=True):
    tags: list[str] | None = Field(default=None, sa_column=Column(STRINGS))
    scores: list[int] | None = Field(default=None, sa_column=Column(NUMBERS))


class NoteService(ServiceBase[Note, Note, Note]):
    pass


async def ids(database: Database, *conditions: Any, **lookups: Any) -> list[int | None]:
    async with database.reader() as session:
        return [note.id for note in await NoteService(session).where(*conditions, **lookups).all()]


@pytest.fixture
async def notes(database: Database) -> Database:
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with database.session() as session:
        for tags in (None, [], ["a"], ["a", "b"], ["A", "é", "it's"], ["a" * 20]):
            scores = tags and [len(tag) for tag in tags]
            await NoteService(session).create({"tags": tags, "scores": scores})
    return database


async def test_arrays_overlap_and_include_on_postgresql(notes: Database) -> None:
    if notes.engine.dialect.name != "postgresql":
        pytest.skip("PostgreSQL alone has arrays")
    assert await ids(notes, tags__overlap=["a", "é"]) == [3, 4, 5]
    assert await ids(notes, tags__overlap=[]) == []
    assert await ids(notes, tags__includes=["a", "b"]) == [4]
    assert await ids(notes, tags__includes=("it's",)) == [5]
    assert await ids(notes, tags__includes=[]) == [2, 3, 4, 5, 6]
    assert await ids(notes, not_(tags__overlap=["a"])) == [2, 5, 6]
    assert await ids(notes, scores__includes=[4]) == [5]
    assert await ids(notes, scores__overlap={1}) == [3, 4, 5]
    assert await ids(notes, tags=["a"]) == [3]
    assert await ids(notes, tags__overlap=["a" * 21]) == []
    assert await ids(notes, tags__ne=["a"]) == [2, 4, 5, 6]
    assert await ids(notes, tags=None) == [1]


@pytest.mark.parametrize("operator", ["overlap", "includes"])
async def test_a_database_without_arrays_refuses_their_operators(
    notes: Database, operator: str
) -> None:
    name = notes.engine.dialect.name
    if name == "postgresql":
        pytest.skip("it has them")
    with pytest.raises(UnknownOperator, match=f"{name} has no arrays, and so no '{operator}'"):
        await ids(notes, **{f"tags__{operator}": ["a"]})
    assert OPERATORS[operator].databases == {"postgresql"}


def test_lists_of_arrays_and_their_order_are_not_asked_for() -> None:
    for operator in ("in", "gt", "contains", "has_key"):
        with pytest.raises(UnknownOperator, match="tags is an array"):
            parse_lookups(Note, {f"tags__{operator}": [["a"]]})
