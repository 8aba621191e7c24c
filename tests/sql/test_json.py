"""Operators on JSON, on every database."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text
from tests.lexicon import Base, ThingService

from colonnade import Database, not_

#: Each is read as None, or is no object, or has a key that a path would have to quote.
DOCUMENTS: list[Any] = [
    None,
    {},
    {"a": 1, "": 2},
    {"a": None, "b.c": {"inner": 1}},
    ["a"],
    "a",
    {'quo"te': 1, "back\\slash": 1, "new\nline": 1},
    {"é😀": 1, "*": 1, "$": 1, "[0]": 1, "A": 1},
    7,
    False,
]
KEYS = [
    "a",
    "A",
    "",
    "b.c",
    "b",
    "inner",
    'quo"te',
    "back\\slash",
    "new\nline",
    "é😀",
    "*",
    "$",
    "[0]",
]
KEYS += ["0", "%", "'", "\\", '"', "é", "null"]


@pytest.fixture
async def documents(database: Database) -> Database:
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with database.session() as session:
        await ThingService(session).create_many(
            [
                {
                    "id": number,
                    "data": document,
                    "tree": document if isinstance(document, dict | list) else None,
                }
                for number, document in enumerate(DOCUMENTS, start=1)
            ]
        )
    return database


async def ids(database: Database, *conditions: Any, **lookups: Any) -> list[int | None]:
    async with database.reader() as session:
        return [
            thing.id for thing in await ThingService(session).where(*conditions, **lookups).all()
        ]


@pytest.mark.parametrize("field", ["data", "tree"])
async def test_an_object_has_the_keys_at_its_top_whatever_they_are_spelled(
    documents: Database, field: str
) -> None:
    for key in KEYS:
        objects = {n: item for n, item in enumerate(DOCUMENTS, start=1) if isinstance(item, dict)}
        expected = [number for number, item in objects.items() if key in item]
        assert await ids(documents, **{f"{field}__has_key": key}) == expected, key


async def test_what_is_no_object_has_no_key_and_of_null_nothing_is_known(
    documents: Database,
) -> None:
    assert await ids(documents, not_(tree__has_key="a")) == [2, 5, 7, 8]


async def test_null_is_what_python_reads_as_none(documents: Database) -> None:
    """A plain JSON column keeps None as the JSON null, a mutable one as SQL's."""
    async with documents.engine.begin() as connection:
        await connection.execute(text("UPDATE thing SET data = NULL WHERE id = 10"))
    assert await ids(documents, data=None) == await ids(documents, data__isnull=True) == [1, 10]
    assert await ids(documents, data__ne=None) == list(range(2, 10))
    assert await ids(documents, tree=None) == [1, 6, 9, 10]
    assert await ids(documents, not_(data=None)) == list(range(2, 10))


async def test_a_text_that_is_no_json_has_no_key(sqlite_url: str) -> None:
    async with Database(sqlite_url) as database:
        async with database.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
            await connection.execute(text("INSERT INTO thing (id, data) VALUES (1, '{oops')"))
        async with database.reader() as session:
            things = ThingService(session)
            assert not await things.where(data__has_key="a").exists()
            assert await things.where(data__isnull=False).exists()
