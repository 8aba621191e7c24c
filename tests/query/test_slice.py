"""Slices by limit and offset, and what a limit means for counting: the rows that it leaves."""

from __future__ import annotations

import json
from typing import Annotated, Any

import pytest
from pydantic import BaseModel
from tests.guild import HERO_COUNT, HeroService

from colonnade import Count, Database, Slice
from colonnade.errors import InvalidPage
from colonnade.testing import count_statements


class HeroRead(BaseModel):
    id: int


class ByTeam(BaseModel):
    team_id: int | None
    heroes: Annotated[int, Count()]


def ids(found: Slice[Any]) -> list[int]:
    return [item.id for item in found.items]


async def test_a_slice_has_its_items_its_bounds_and_the_total(heroes: Database) -> None:
    async with heroes.reader() as session:
        for asked in (HeroService(session).where(), HeroService(session).into(HeroRead)):
            found = await asked.order_by("id").slice(offset=4, limit=3)
            assert isinstance(found, Slice)
            assert ids(found) == [5, 6, 7]
            assert (found.offset, found.limit) == (4, 3)
            assert (found.total, found.has_more) == (HERO_COUNT, True)
        assert ids(await HeroService(session).where(id__lt=4).order_by("-id").slice()) == [3, 2, 1]


@pytest.mark.parametrize(
    ("offset", "limit", "count", "total", "more", "statements"),
    [
        (0, 3, "exact", HERO_COUNT, True, 2),
        (0, HERO_COUNT, "exact", HERO_COUNT, False, 2),
        (0, HERO_COUNT + 1, "exact", HERO_COUNT, False, 1),
        (HERO_COUNT - 2, 3, "exact", HERO_COUNT, False, 1),
        (HERO_COUNT - 3, 3, "exact", HERO_COUNT, False, 2),
        (HERO_COUNT, 3, "exact", HERO_COUNT, False, 2),
        (HERO_COUNT + 9, 3, "exact", HERO_COUNT, False, 2),
        (0, 3, "none", None, True, 1),
        (HERO_COUNT - 3, 3, "none", None, False, 1),
        (HERO_COUNT - 3, 3, "estimated", HERO_COUNT, False, 1),
        (2, 0, "exact", HERO_COUNT, True, 1),
        (HERO_COUNT, 0, "exact", HERO_COUNT, False, 1),
        (2, 0, "none", None, True, 1),
    ],
)
async def test_the_total_is_counted_only_where_the_end_is_not_seen(
    heroes: Database,
    offset: int,
    limit: int,
    count: Any,
    total: int | None,
    more: bool,
    statements: int,
) -> None:
    async with heroes.reader() as session:
        heroes_ = HeroService(session).into(HeroRead).order_by("id")
        with count_statements(heroes) as seen:
            found = await heroes_.slice(offset=offset, limit=limit, count=count)
        seen.expect(statements)
        assert (found.total, found.has_more) == (total, more)
        assert ids(found) == list(range(offset + 1, min(offset + limit, HERO_COUNT) + 1))
        assert json.loads(await heroes_.json.slice(offset=offset, limit=limit, count=count)) == (
            found.model_dump()
        )


async def test_a_slice_as_json_is_one_statement_where_the_database_writes_it(
    heroes: Database,
) -> None:
    async with heroes.reader() as session:
        with count_statements(heroes) as seen:
            await HeroService(session).into(HeroRead).json.slice(offset=1, limit=2)
        seen.expect(1 if session.family == "postgresql" else 2)


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"offset": -1}, "offset must be a whole number of at least 0, not -1"),
        ({"limit": -1}, "limit must be a whole number of at least 0, not -1"),
        ({"limit": True}, "limit must be a whole number of at least 0, not bool"),
        ({"limit": 1001}, "a slice has at most 1000 items, not 1001"),
        ({"offset": 2**63 - 1, "limit": 1}, "offset and limit together must be"),
        ({"count": "some"}, "there is no such way to count"),
    ],
)
async def test_a_slice_that_no_list_has_is_refused(
    heroes: Database, bounds: dict[str, Any], message: str
) -> None:
    async with heroes.reader() as session:
        for asked in (HeroService(session).where(), HeroService(session).into(HeroRead).json):
            with count_statements(heroes) as seen, pytest.raises(InvalidPage, match=message):
                await asked.slice(**bounds)
            seen.expect(0)
        with pytest.raises(InvalidPage, match="a query with a limit or offset has no pages"):
            await HeroService(session).where().limit(3).slice()


@pytest.mark.parametrize(
    ("limit", "offset", "count"),
    [
        (5, None, 5),
        (HERO_COUNT + 5, None, HERO_COUNT),
        (5, HERO_COUNT - 2, 2),
        (None, HERO_COUNT - 2, 2),
        (None, HERO_COUNT, 0),
        (5, HERO_COUNT + 1, 0),
        (0, None, 0),
    ],
)
async def test_a_limit_and_an_offset_hold_for_counting_too(
    heroes: Database, limit: int | None, offset: int | None, count: int
) -> None:
    async with heroes.reader() as session:
        for asked in (HeroService(session).where(), HeroService(session).into(HeroRead)):
            cut = asked.order_by("-team.name")
            cut = cut if limit is None else cut.limit(limit)
            cut = cut if offset is None else cut.offset(offset)
            assert await cut.count() == count == len(await cut.all())
            assert await cut.exists() is bool(count)


async def test_groups_are_counted_within_a_cut(heroes: Database) -> None:
    async with heroes.reader() as session:
        groups = HeroService(session).into(ByTeam)
        total = await groups.count()
        assert total > 2
        assert await groups.limit(2).count() == 2
        assert await groups.offset(total - 1).count() == 1
        assert await groups.having(heroes__gt=0).offset(total).exists() is False
        assert (await groups.slice(offset=1, limit=1)).total == total
