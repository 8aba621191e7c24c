"""Random questions beside plain Python, on every database: trees, orders, pages, streams."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from sqlalchemy import insert
from tests.conftest import DATABASES
from tests.filled import filled
from tests.guild import (
    Base,
    City,
    CityService,
    Hero,
    HeroPower,
    HeroService,
    Kind,
    Mission,
    MissionService,
    Power,
    Team,
    TeamService,
    badge,
)
from tests.oracle import Questions, World, an_order, told

from colonnade import Database
from colonnade.testing import count_statements

SERVICES: dict[type[Any], Any] = {
    Hero: HeroService,
    Team: TeamService,
    Mission: MissionService,
    City: CityService,
}
NAMES = ("Ann", "ann", "ANN ", "100%", "1000", "a_b", "axb", "a\\b", "it's", '"q"', "😀", "", "AXB")


def crowd() -> dict[type[Any], list[dict[str, Any]]]:
    """Heroes, teams, missions and the rest, with ties and with holes everywhere."""
    chance = Random(7)

    def perhaps(value: Any, holes: float = 0.3) -> Any:
        return None if chance.random() < holes else value

    def one_of(count: int) -> int:
        return chance.randint(1, count)

    cities = [
        {"id": n, "name": perhaps(chance.choice(NAMES)), "country": perhaps(chance.choice("NS"))}
        for n in range(1, 6)
    ]
    teams = [
        {
            "id": n,
            "name": f"team {chance.choice(NAMES)}{n}",
            "motto": perhaps(chance.choice(NAMES)),
            "city_id": perhaps(one_of(5)),
        }
        for n in range(1, 8)
    ]
    powers = [{"id": n, "name": NAMES[n]} for n in range(1, 6)]
    heroes = [
        {
            "id": n,
            "name": chance.choice(NAMES),
            "slug": perhaps(chance.choice("abc")),
            "age": perhaps(one_of(4)),
            "height": perhaps(one_of(8) / 4),
            "fee": perhaps(Decimal(one_of(6)) / 4),
            "active": perhaps(chance.random() < 0.5),
            "kind": perhaps(chance.choice(list(Kind))),
            "born": perhaps(date(2000, 1, 1) + timedelta(one_of(5))),
            "seen": perhaps(datetime(2020, 1, one_of(9), 12, tzinfo=UTC)),
            "badge": perhaps(badge(n)),
            "team_id": perhaps(one_of(6)),
            "mentor_id": perhaps(one_of(n - 1)) if n > 1 else None,
        }
        for n in range(1, 31)
    ]
    missions = [
        {
            "id": n,
            "title": chance.choice(NAMES),
            "year": 2000 + one_of(4),
            "done": chance.random() < 0.5,
            "hero_id": one_of(20),
            "place_id": perhaps(one_of(5)),
        }
        for n in range(1, 51)
    ]
    pairs = {(one_of(30), one_of(5)) for _ in range(40)}
    links = [{"hero_id": hero, "power_id": power} for hero, power in sorted(pairs)]
    return {
        City: cities,
        Team: teams,
        Power: powers,
        Hero: heroes,
        HeroPower: links,
        Mission: missions,
    }


WORLD = World(crowd())
QUESTIONS = Questions(WORLD, hidden={"hero_id", "power_id"})
#: What to sort by: text only where every collation agrees.
PATHS = {
    Hero: ("id", "slug", "age", "height", "fee", "active", "born", "seen", "team.id", "mentor.age"),
    Team: ("id", "city_id", "city.country"),
    Mission: ("year", "done", "place.country", "hero.age", "hero.team.id"),
    City: ("id", "country"),
}


async def fill(url: str) -> None:
    async with Database(url) as database:
        async with database.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        async with database.session() as session:
            for model, rows in crowd().items():
                await session.execute(insert(model), rows)


@pytest.fixture(scope="module", params=DATABASES)
def crowd_url(request: pytest.FixtureRequest) -> Iterator[str]:
    with filled(request, fill) as url:
        yield url


@pytest.fixture
async def crowded(crowd_url: str) -> AsyncIterator[Database]:
    async with Database(crowd_url) as database:
        yield database


@st.composite
def questions(draw: st.DrawFn) -> tuple[type[Any], Any, tuple[str, ...]]:
    model = draw(st.sampled_from((Hero, Hero, Team, Mission, City)))
    return model, QUESTIONS.condition(draw, model), an_order(draw, PATHS[model])


class Key(BaseModel):
    id: int


async def by_numbers(query: Any, size: int, total: int) -> list[Any]:
    found: list[Any] = []
    for number in range(1, 100):
        page = await query.page(number, size=size)
        assert page.total == total
        assert len(page.items) <= size
        found += page.items
        if not page.has_more:
            beyond = await query.page(number + 1, size=size)
            assert (beyond.items, beyond.total) == ([], total)
            return found
    raise AssertionError("pages without end")


async def by_cursors(query: Any, size: int, _total: int) -> list[Any]:
    page = await query.scroll(size=size)
    found = [*page.items]
    while page.next is not None:
        page = await query.scroll(size=size, after=page.next)
        assert 0 < len(page.items) <= size
        found += page.items
    back = [*page.items]
    while page.previous is not None:
        page = await query.scroll(size=size, before=page.previous)
        back = [*page.items, *back]
    assert [item.id for item in back] == [item.id for item in found]
    return found


async def by_stream(query: Any, size: int, _total: int) -> list[Any]:
    return [item async for item in query.stream(size)]


@given(
    asked=questions(),
    way=st.sampled_from((by_numbers, by_cursors, by_stream)),
    size=st.integers(4, 31),
    schema=st.booleans(),
)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_questions_answer_as_plain_python_does(
    crowded: Database, asked: Any, way: Any, size: int, schema: bool
) -> None:
    model, condition, order = asked
    expected = WORLD.find(model, condition, order)
    async with crowded.reader() as session:
        query = SERVICES[model](session).where(told(condition)).order_by(*order)
        query = query.into(Key) if schema else query
        with count_statements(crowded) as statements:
            assert [item.id for item in await query.all()] == expected
            assert await query.count() == len(expected)
            assert await query.exists() is bool(expected)
        # What an empty list rules out is known without asking; then it is true, too.
        known = query._spec.finds_nothing
        assert not (known and expected)
        statements.expect(0 if known else 3)
        assert [item.id for item in await way(query, size, len(expected))] == expected
