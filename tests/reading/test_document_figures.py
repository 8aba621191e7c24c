"""Figures in a document: PostgreSQL writes what the rows would give, at any depth."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import BaseModel
from tests.shelves import Base, Box, Shelf, ShelfService

from colonnade import Avg, Count, Database, Exists, Group, Max, Min, Sum
from colonnade.testing import count_statements


class Figures(BaseModel):
    name: str
    boxes: Annotated[int, Count("boxes")]
    words: Annotated[int, Count("boxes.word", distinct=True)]
    flagged: Annotated[bool, Exists("boxes").where(flag=True)]
    numbers: Annotated[int, Sum("boxes.number")]
    bigs: Annotated[int | None, Sum("boxes.big")]
    ratios: Annotated[float | None, Sum("boxes.ratio")]
    mean: Annotated[float | None, Avg("boxes.number")]
    word: Annotated[str | None, Min("boxes.word")]
    price: Annotated[Decimal | None, Max("boxes.price")]
    day: Annotated[date | None, Max("boxes.day")]
    instant: Annotated[datetime | None, Min("boxes.instant")]


class Parent(BaseModel):
    name: str
    shelves: list[Figures]


class Child(BaseModel):
    name: str
    parent: Figures | None


class Price(BaseModel):
    id: int
    prices: Annotated[Decimal, Sum("boxes.price")]


class Strict(BaseModel):
    id: int
    numbers: Annotated[float, Sum("boxes.number")]


class ByName(BaseModel):
    name: Annotated[str, Group()]
    boxes: Annotated[int, Count("boxes")]


@pytest.fixture
async def shelves(postgresql_url: str) -> Any:
    """A shelf of boxes, one without any, and one that holds both."""
    async with Database(postgresql_url) as db:
        async with db.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        async with db.session() as session:
            session.add(Shelf(id=1, name="all"))
            await session.flush()
            session.add_all([Shelf(id=2, name="full", parent_id=1), Shelf(id=3, parent_id=1)])
            await session.flush()
            at = datetime(2024, 2, 29, 12, 30, 0, 500000, tzinfo=UTC)
            session.add_all(
                [
                    Box(shelf_id=2, number=n, big=2**60, word=f"w{n % 2}", flag=n > 1, ratio=n / 3)
                    for n in range(5)
                ]
            )
            session.add(
                Box(
                    shelf_id=2, price=Decimal("10.50"), day=at.date(), instant=at, token=UUID(int=1)
                )
            )
        yield db


@pytest.mark.parametrize("schema", [Figures, Parent, Child, Strict])
async def test_figures_are_written_as_rows_give_them(
    shelves: Database, schema: type[BaseModel]
) -> None:
    async with shelves.reader() as session:
        asked = ShelfService(session).into(schema).order_by("id")
        expected = [item.model_dump(mode="json") for item in await asked.all()]
        with count_statements(shelves) as statements:
            assert json.loads(await asked.json.all()) == expected
            assert json.loads(await asked.json.page(size=2))["items"] == expected[:2]
        statements.expect(2)


@pytest.mark.parametrize(
    ("schema", "reason"),
    [(Price, "Price.prices: a sum of decimals"), (ByName, "ByName: groups")],
)
async def test_what_is_not_written_has_its_rows_read(
    shelves: Database, schema: type[BaseModel], reason: str
) -> None:
    async with shelves.reader() as session:
        asked = ShelfService(session).into(schema)
        assert asked.json.plan().endswith(f"as JSON: from rows ({reason})")
        expected = [item.model_dump(mode="json") for item in await asked.all()]
        assert json.loads(await asked.json.all()) == expected
