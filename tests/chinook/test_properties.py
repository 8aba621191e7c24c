"""Random questions of a database that others made, beside plain Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from tests.chinook.models import (
    Album,
    Albums,
    Artist,
    Artists,
    Base,
    Customer,
    Customers,
    Employee,
    Employees,
    Genre,
    Invoice,
    Invoices,
    Track,
)
from tests.oracle import Questions, World, an_order, told

from colonnade import Database
from colonnade.mapping import mapping_of
from colonnade.testing.servers.server import run_blocking

SOURCE = Path(__file__).parents[2].parent / "shared" / "data" / "chinook.sqlite"
MODELS: tuple[Any, ...] = (Artist, Album, Track, Genre, Customer, Employee, Invoice)
SERVICES: dict[type[Any], Any] = {
    Artist: Artists,
    Album: Albums,
    Customer: Customers,
    Employee: Employees,
    Invoice: Invoices,
}
PATHS = {
    Artist: ("id", "name"),
    Album: ("title", "artist.name", "artist_id"),
    Customer: ("country", "support_rep.title", "company"),
    Employee: ("city", "boss.title", "reports_to"),
    Invoice: ("total", "customer.country", "invoiced_at"),
}


async def world_of(url: str) -> World:
    async with Database(url, metadata=Base.metadata) as database, database.reader() as session:
        rows = {}
        for model in MODELS:
            columns = [getattr(model, name) for name in mapping_of(model).columns]
            found = await session.rows(select(*columns))
            rows[model] = [dict(zip(mapping_of(model).columns, row, strict=True)) for row in found]
        return World(rows)


@pytest.fixture(scope="module")
def asked_of() -> Questions:
    if not SOURCE.exists():
        pytest.skip("no ../shared/data/chinook.sqlite beside the checkout")
    return Questions(run_blocking(world_of(f"sqlite:///{SOURCE}?mode=ro")))


@given(data=st.data())
@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_questions_of_a_record_shop_answer_as_plain_python_does(
    asked_of: Questions, data: st.DataObject
) -> None:
    model = data.draw(st.sampled_from(list(SERVICES)))
    condition = asked_of.condition(data.draw, model, 2)
    order = an_order(data.draw, PATHS[model])
    expected = asked_of.world.find(model, condition, order)
    async with (
        Database(f"sqlite:///{SOURCE}?mode=ro", metadata=Base.metadata) as chinook,
        chinook.reader() as session,
    ):
        query = SERVICES[model](session).where(told(condition)).order_by(*order)
        assert [item.id for item in await query.all()] == expected
        found = [item.id async for item in query.stream(data.draw(st.integers(10, 400)))]
        assert found == expected
        page = await query.page(2, size=20)
        assert [item.id for item in page.items] == expected[20:40]
        assert page.total == len(expected)
