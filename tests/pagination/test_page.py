from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy import insert, text
from tests.guild import City, CityService, HeroService

from colonnade import Database, Page
from colonnade.errors import InvalidPage
from colonnade.pagination import check_limit_or_offset, check_page
from colonnade.testing import count_statements


class HeroRead(BaseModel):
    id: int


@pytest.mark.parametrize(
    ("number", "size", "count", "field"),
    [
        (0, 10, "exact", "page"),
        (-1, 10, "exact", "page"),
        (True, 10, "exact", "page"),
        ("1", 10, "exact", "page"),
        (1.0, 10, "exact", "page"),
        (10**30, 10, "exact", "page"),
        (2**62, 10, "exact", "page"),
        (1, 0, "exact", "size"),
        (1, -5, "exact", "size"),
        (1, None, "exact", "size"),
        (1, 101, "exact", "size"),
        (1, 10, "guessed", "count"),
    ],
)
def test_a_page_that_nobody_can_turn_to_is_refused(
    number: Any, size: Any, count: str, field: str
) -> None:
    with pytest.raises(InvalidPage) as caught:
        check_page(number, size, count, 100)
    assert caught.value.fields == (field,)


def test_the_message_tells_a_number_and_no_text() -> None:
    with pytest.raises(InvalidPage, match="page must be a whole number of at least 1, not -3"):
        check_page(-3, 1, "exact", 10)
    with pytest.raises(InvalidPage, match="at least 1, not str"):
        check_page("<b>", 1, "exact", 10)  # type: ignore[arg-type] # the point of it
    with pytest.raises(InvalidPage, match="at most 10 items, not 11"):
        check_page(1, 11, "exact", 10)


def test_the_largest_page_there_can_be_is_one() -> None:
    check_page(2**63 - 1, 1, "exact", 10)
    check_page(1, 10, "none", 10)


@pytest.mark.parametrize("value", [-1, True, 1.5, "1", None, 2**63])
def test_a_limit_is_a_whole_number(value: Any) -> None:
    with pytest.raises(InvalidPage) as caught:
        check_limit_or_offset("limit", value)
    assert caught.value.fields == ("limit",)
    assert check_limit_or_offset("offset", 0) == 0


def test_pages_are_counted_up() -> None:
    page: Page[int] = Page.of([1], number=1, size=5, total=11, has_more=True)
    assert page.pages == 3
    assert Page.of([], number=1, size=5, total=0, has_more=False).pages == 0
    assert Page.of([1], number=1, size=5, total=None, has_more=True).pages is None


@pytest.mark.parametrize("size", [1, 2, 5, 12, 50])
async def test_pages_together_are_every_row_once(heroes: Database, size: int) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where().order_by("-team.name", "slug")
        everything = [hero.id for hero in await query.all()]
        for count in ("exact", "none"):
            found: list[int | None] = []
            number = 1
            while True:
                page = await query.page(number, size=size, count=count)  # type: ignore[arg-type] # both are
                found += [hero.id for hero in page.items]
                if not page.has_more:
                    break
                number += 1
            assert found == everything
            assert number == -(-12 // size)


async def test_a_page_says_where_it_stands(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where(id__lte=7)
        page = await query.page(2, size=3)
        assert [hero.id for hero in page.items] == [4, 5, 6]
        assert (page.number, page.size, page.total, page.pages, page.has_more) == (2, 3, 7, 3, True)


async def test_a_page_past_the_end_has_the_true_total(heroes: Database) -> None:
    async with heroes.reader() as session:
        page = await HeroService(session).where().page(9, size=5)
        assert (page.items, page.total, page.pages, page.has_more) == ([], 12, 3, False)
        page = await HeroService(session).where().page(9, size=5, count="none")
        assert (page.items, page.total, page.pages, page.has_more) == ([], None, None, False)
        far = await HeroService(session).where().page(2**62, size=1)
        assert far.items == []


async def test_nobody_counts_unasked(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where()
        with count_statements(heroes) as statements:
            page = await query.page(1, size=11, count="none")
        statements.expect(1)
        assert (len(page.items), page.has_more, page.total) == (11, True, None)
        assert not (await query.page(1, size=12, count="none")).has_more
        with count_statements(heroes) as statements:
            await query.page(1, size=12)
        statements.expect(2)


async def test_a_page_that_shows_the_end_counts_nothing(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where()
        ends = [(1, 50, 12), (3, 5, 12), (2, 11, 12)]
        for number, size, total in ends:
            for count in ("exact", "estimated"):
                with count_statements(heroes) as statements:
                    page = await query.page(number, size=size, count=count)  # type: ignore[arg-type] # both are
                statements.expect(1)
                assert (page.total, page.has_more) == (total, False)
        with count_statements(heroes) as statements:
            nobody = await HeroService(session).where(id__gt=99).page()
        statements.expect(1)
        assert (nobody.total, nobody.pages) == (0, 0)


async def test_an_estimate_of_few_rows_is_a_count(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where(team__name="League", id__in=[2, 5, 8, 11])
        with count_statements(heroes) as statements:
            page = await query.page(1, size=2, count="estimated")
        statements.expect(3 if heroes.family == "postgresql" else 2)
        assert (page.total, page.pages, page.has_more) == (4, 2, True)
        assert (len(page.items), (await query.page(9, count="estimated")).total) == (2, 4)
        for _ in range(3):
            everyone = await HeroService(session).where().page(1, size=2, count="estimated")
            assert everyone.total == 12
        projected = await query.into(HeroRead).page(2, size=2, count="estimated")
        assert (projected.total, projected.has_more) == (4, False)


async def test_a_large_estimate_is_the_planners(guild: Database) -> None:
    async with guild.session() as session:
        await session.execute(insert(City), [{"name": "x"} for _ in range(12_000)])
        await session.execute(text("ANALYZE TABLE city" if guild.family == "mysql" else "ANALYZE"))
        query = CityService(session).where(name="x")
        with count_statements(guild) as statements:
            page = await query.page(1, size=10, count="estimated")
        statements.expect(2)
        assert page.total is not None
        if guild.family == "postgresql":
            assert "EXPLAIN" in statements.statements[1]
            assert 11_000 < page.total < 13_000
            # No more is told than was seen to be there, and no less.
            assert ((await query.page(5000, size=10, count="estimated")).total or 0) <= 49_990
            assert (await query.page(1200, size=10, count="estimated")).total == 12_000
        else:
            assert page.total == 12_000


async def test_a_page_has_as_many_items_as_the_service_allows(heroes: Database) -> None:
    class Few(HeroService):
        max_page_size = 5

    async with heroes.reader() as session:
        assert len((await Few(session).where().page(size=5)).items) == 5
        for query in (Few(session).where(id__gt=0).order_by("id"), Few(session).into(HeroRead)):
            with pytest.raises(InvalidPage, match="at most 5 items, not 6"):
                await query.page(1, size=6)
        with pytest.raises(InvalidPage, match="at most 1000 items"):
            await HeroService(session).where().page(1, size=1001)


async def test_what_is_cut_already_has_no_pages(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where()
        for cut in (query.limit(5), query.offset(1)):
            with pytest.raises(InvalidPage, match="has no pages"):
                await cut.page(1)


async def test_limit_and_offset_leave_what_they_say(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where()
        assert [hero.id for hero in await query.limit(2).all()] == [1, 2]
        assert [hero.id for hero in await query.offset(10).all()] == [11, 12]
        assert [hero.id for hero in await query.limit(2).offset(3).all()] == [4, 5]
        assert await query.limit(0).all() == []
        with pytest.raises(InvalidPage):
            query.limit(-1)
        with pytest.raises(InvalidPage):
            query.offset(-1)
