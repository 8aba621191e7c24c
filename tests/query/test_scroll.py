"""Scrolling: every row once and in order, both ways, whatever happens to the rows meanwhile."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Annotated, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from sqlalchemy import MetaData, insert, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel
from tests.guild import Hero, HeroService, Seat, SeatService
from tests.query.oracle import in_order, orders

from colonnade import Count, CursorPage, Database, Max, Query
from colonnade.errors import InvalidCursor, InvalidPage
from colonnade.filters import any_of
from colonnade.spec import CursorCodec, Shape, Spec
from colonnade.testing import count_statements

HERO: Any = Hero
SECRET = "correct horse battery staple"


class HeroName(BaseModel):
    name: str


async def forwards(query: Any, size: int) -> list[CursorPage[Any]]:
    pages = [await query.scroll(size=size)]
    while pages[-1].next is not None:
        pages.append(await query.scroll(size=size, after=pages[-1].next))
    return pages


async def backwards(query: Any, size: int, last: CursorPage[Any]) -> list[CursorPage[Any]]:
    pages = [last]
    while pages[0].previous is not None:
        pages.insert(0, await query.scroll(size=size, before=pages[0].previous))
    return pages


def ids(pages: list[CursorPage[Any]]) -> list[int]:
    return [hero.id for page in pages for hero in page.items]


@given(order=orders(), size=st.integers(1, 13))
@example(order=("team.name", "-slug", "age"), size=1)
@example(order=("-fee", "height nulls first"), size=2)
@example(order=("age nulls first", "-kind"), size=3)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_pages_of_either_kind_are_the_whole_list_once_and_in_order(
    heroes: Database, order: tuple[str, ...], size: int
) -> None:
    expected = in_order(order)
    async with heroes.reader() as session:
        query = HeroService(session).where().order_by(*order)
        assert [hero.id for hero in await query.all()] == expected
        found = await forwards(query, size)
        assert ids(found) == expected
        assert ids(await backwards(query, size, found[-1])) == expected
        numbers = range(1, -(-12 // size) + 1)
        numbered = [await query.page(number, size=size, count="none") for number in numbers]
        assert [hero.id for page in numbered for hero in page.items] == expected


@given(order=orders(), size=st.integers(1, 5))
@example(order=("active", "-age", "slug"), size=2)
@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_rows_that_share_the_first_key_are_looked_for_first_where_they_are_many(
    heroes: Database, order: tuple[str, ...], size: int
) -> None:
    expected = in_order(order)
    async with heroes.reader() as session:
        query = HeroService(session).where().order_by(*order)
        places = CursorCodec(query._spec)

        def crowded(cursor: str) -> str:
            """The cursor, as it is after many rows that share the first key."""
            return places.cursor(replace(places.place(cursor), ties=10_000))

        pages = [await query.scroll(size=size)]
        while (cursor := pages[-1].next) is not None:
            pages.append(await query.scroll(size=size, after=crowded(cursor)))
        assert ids(pages) == expected
        back = [pages[-1]]
        while (cursor := back[0].previous) is not None:
            back.insert(0, await query.scroll(size=size, before=crowded(cursor)))
        assert ids(back) == expected


async def test_a_key_that_orders_in_its_own_way_on_each_database_scrolls_all_the_same(
    heroes: Database,
) -> None:
    async with heroes.reader() as session:
        for order in (("name",), ("-name", "id"), ("badge",), ("-badge", "name")):
            query = HeroService(session).where().order_by(*order)
            everything = [hero.id for hero in await query.all()]
            found = await forwards(query, 2)
            assert ids(found) == everything
            assert ids(await backwards(query, 2, found[-1])) == everything


async def test_the_ends_of_a_list_have_no_cursor(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where(id__lte=4)
        first = await query.scroll(size=2)
        assert (first.previous, first.next is None) == (None, False)
        last = await query.scroll(size=2, after=first.next)
        assert (last.previous is None, last.next) == (False, None)
        back = await query.scroll(size=2, before=last.previous)
        assert ids([back]) == [1, 2]
        assert (back.previous, back.next is None) == (None, False)
        whole = await query.scroll(size=4)
        assert (whole.previous, whole.next) == (None, None)
        nothing = await HeroService(session).where(id__gt=99).scroll()
        assert (nothing.items, nothing.previous, nothing.next) == ([], None, None)


async def test_conditions_hold_on_every_page(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where(any_of(age__gte=2, slug="a"), HERO.id != 7)
        query = query.where(team__name="League").order_by("-team.name", "age")
        everything = [hero.id for hero in await query.all()]
        assert everything
        assert ids(await forwards(query, 1)) == everything


async def test_a_projection_scrolls_without_the_keys_in_its_schema(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where().order_by("-team.name", "age").into(HeroName)
        everything = await query.all()
        found = await forwards(query, 5)
        assert [item for page in found for item in page.items] == everything
        written = json.loads(await query.json.scroll(size=5, after=found[0].next))
        assert written == json.loads(found[1].model_dump_json())
        assert list(written) == ["items", "next", "previous"]


async def test_what_is_to_be_loaded_is_loaded_on_every_page(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where().load("team", "missions").order_by("-age")
        page = await query.scroll(size=4)
        page = await query.scroll(size=4, after=page.next)
        assert [len(hero.missions) >= 0 and hero.team_id for hero in page.items] == [
            hero.team and hero.team.id for hero in page.items
        ]


async def test_a_page_takes_one_statement_or_two_where_the_first_key_may_be_null(
    heroes: Database,
) -> None:
    async with heroes.reader() as session:

        async def taken(order: str, page: int) -> int:
            query = HeroService(session).where().order_by(order)
            cursor = None
            for _ in range(page):
                with count_statements(heroes) as statements:
                    cursor = (await query.scroll(size=3, after=cursor)).next
            return len(statements.statements)

        for order in ("id", "-id", "name", "-team.name"):
            assert [await taken(order, page) for page in (1, 2, 3, 4)] == [1, 1, 1, 1]
        # 9 of 12 have an age: the last page goes on among those without.
        assert [await taken("age", page) for page in (2, 3)] == [1, 2]
        assert [await taken("-age", page) for page in (2, 3, 4)] == [2, 1, 1]


class ByTeam(BaseModel):
    team_id: int | None
    heroes: Annotated[int, Count()]
    oldest: Annotated[int | None, Max("age")]


class Everybody(BaseModel):
    heroes: Annotated[int, Count()]


async def test_groups_are_scrolled_whose_key_may_be_null(heroes: Database) -> None:
    async with heroes.reader() as session:
        service = HeroService(session)
        for order in ((), ("-team_id",), ("-heroes",), ("oldest nulls first", "-team_id")):
            query = service.where(id__lt=9).into(ByTeam).order_by(*order)
            everything = await query.all()
            assert len(everything) == 3
            found = await forwards(query, 1)
            assert [group for page in found for group in page.items] == everything
            back = await backwards(query, 1, found[-1])
            assert [group for page in back for group in page.items] == everything
            other = service.where(id__lt=8).into(ByTeam).order_by(*order)
            with pytest.raises(InvalidCursor):
                await other.scroll(after=found[0].next)
        page = await service.into(Everybody).scroll()
        assert (page.items, page.next) == ([Everybody(heroes=12)], None)


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Reading(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    level: float
    at: int | None = None


class ReadingRead(BaseModel):
    id: int
    level: float


@pytest.fixture
async def readings(database: Database) -> Database:
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    return database


async def test_floats_of_any_width_are_compared_as_they_are_kept(readings: Database) -> None:
    levels = [0.1, 0.1, 0.2, 1 / 3, 1 / 3, 16777217.0, 1e-20, -0.1]
    async with readings.session() as session:
        session.add_all(Reading(level=level) for level in levels)
    async with readings.reader() as session:
        for order in ("level", "-level"):
            query = _readings(session).order_by(order, "id")
            everything = [item.id for item in await query.all()]
            assert sorted(everything) == list(range(1, 9))
            found = await forwards(query, 1)
            assert ids(found) == everything
            assert ids(await backwards(query, 1, found[-1])) == everything


def _readings(session: Any) -> Query[Reading]:
    return Query(session, Spec(Shape(Reading)))


async def test_rows_that_come_and_go_move_no_other_row(readings: Database) -> None:
    async with readings.session() as session:
        session.add_all(Reading(level=1, at=None if at % 3 == 2 else at // 2) for at in range(20))
    async with readings.session() as session:
        for order in (("at",), ("-at", "id"), ("-level", "at nulls first")):
            query = _readings(session).order_by(*order)
            expected = [item.id for item in await query.all()]
            seen: list[Any] = []
            cursor = None
            gone: set[Any] = set()
            come: set[Any] = set()
            while True:
                page = await query.scroll(size=3, after=cursor)
                seen += [item.id for item in page.items]
                if (cursor := page.next) is None:
                    break
                # The row that the cursor stands at goes, and so does one not seen yet; two come.
                later = next((one for one in expected if one not in {*seen, *gone}), seen[-1])
                for item in {seen[-1], later}:
                    gone.add(item)
                    await session.execute(text("DELETE FROM reading WHERE id = :id"), {"id": item})
                for at in (None, 4):
                    new = Reading(level=1, at=at)
                    session.add(new)
                    await session.flush()
                    come.add(new.id)
            assert len(seen) == len(set(seen))
            kept = [one for one in seen if one not in come]
            assert kept == [one for one in expected if one in kept]
            assert set(expected) - set(kept) <= gone
            # And the way back, from a page whose beginning is gone.
            assert page.previous is not None
            back = await query.scroll(size=99, before=page.previous)
            left = [item.id for item in await query.all()]
            assert [item.id for item in back.items] == left[: len(back.items)]


async def test_a_crowd_of_rows_that_share_the_first_key_is_counted_from_page_to_page(
    readings: Database,
) -> None:
    async with readings.session() as session:
        rows = [{"level": 1 + row // 700, "at": row} for row in range(1500)]
        await session.execute(insert(Reading), rows)
        query = _readings(session).order_by("level", "-at")
        expected = [item.id for item in await query.all()]
        seen: list[int] = []
        taken: list[int] = []
        cursor = None
        while True:
            with count_statements(readings) as statements:
                page = await query.scroll(size=200, after=cursor)
            taken.append(len(statements.statements))
            seen += ids([page])
            if (cursor := page.next) is None:
                break
        assert seen == expected
        # After 500 rows of one level the rest of it is asked for first, and then what is past it;
        # MariaDB finds its place among them all the same.
        crowded = [1] * 8 if session.family == "mysql" else [1, 1, 1, 2, 1, 1, 2, 2]
        assert taken == crowded
        pages = [item.id for page in await backwards(query, 200, page) for item in page.items]
        assert pages == expected


async def test_an_empty_page_leads_back_to_the_row_it_came_from(readings: Database) -> None:
    async with readings.session() as session:
        session.add_all(Reading(level=level) for level in range(6))
        await session.flush()
        query = _readings(session).order_by("level")
        first = await query.scroll(size=3)
        second = await query.scroll(size=2, after=first.next)
        await session.execute(text("DELETE FROM reading WHERE level >= 3"))
        empty = await query.scroll(size=3, after=first.next)
        assert (empty.items, empty.next) == ([], None)
        back = await query.scroll(size=3, before=empty.previous)
        assert ids([back]) == ids([first])
        await session.execute(text("DELETE FROM reading WHERE level < 3"))
        gone = await query.scroll(size=3, before=second.previous)
        assert (gone.items, gone.previous) == ([], None)
        session.add(Reading(id=99, level=3))
        await session.flush()
        assert len((await query.scroll(size=3, after=gone.next)).items) == 1


async def test_a_composite_key_closes_a_scroll_too(guild: Database) -> None:
    async with guild.session() as session:
        seats = SeatService(session)
        keys = [(hall, number) for hall in "abc" for number in (3, 1, 2)]
        await seats.create_many([{"hall": hall, "number": number} for hall, number in keys])
        for order in ((), ("-number",), ("guest", "-hall")):
            query = seats.where().order_by(*order)
            everything = [(seat.hall, seat.number) for seat in await query.all()]
            pages = await forwards(query, 2)
            assert [(seat.hall, seat.number) for page in pages for seat in page.items] == everything
        assert Seat.__name__ == "Seat"


async def test_a_cursor_is_good_for_its_own_question_only(heroes: Database) -> None:
    async with heroes.reader() as session:
        service = HeroService(session)
        query = service.where(age__gte=0, id__in={1, 2, 3, 5}).order_by("-age")
        cursor = (await query.scroll(size=1)).next
        assert cursor is not None
        # Another value of one ``in`` in another order, other relations and pages: the same rows.
        same = service.where(age__gte=0, id__in=[5, 3, 2, 1]).order_by("-age").load("team")
        assert ids([await same.scroll(size=9, after=cursor)])
        assert (await query.into(HeroName).scroll(size=1, after=cursor)).items
        others: list[Any] = [
            service.where(age__gte=0, id__in=[1, 2, 3]).order_by("-age"),
            service.where(age__gte=1, id__in=[1, 2, 3, 5]).order_by("-age"),
            service.where(age__gt=0, id__in=[1, 2, 3, 5]).order_by("-age"),
            service.where(age__gte=0, id__in=[1, 2, 3, 5]).order_by("age"),
            service.where(age__gte=0, id__in=[1, 2, 3, 5]).order_by("-age nulls last"),
            service.where(age__gte=0, id__in=[1, 2, 3, 5]).order_by("-age", "id"),
            service.where(HERO.age >= 0, id__in=[1, 2, 3, 5]).order_by("-age"),
            service.where().order_by("-age"),
            SeatService(session).where().order_by("-number"),
        ]
        with count_statements(heroes) as statements:
            for other in others:
                for place in ({"after": cursor}, {"before": cursor}):
                    with pytest.raises(InvalidCursor, match="belongs to another question"):
                        await other.scroll(size=1, **place)
        statements.expect(0)


async def test_an_expression_of_ones_own_is_a_part_of_the_question(heroes: Database) -> None:
    async with heroes.reader() as session:
        service = HeroService(session)
        cursor = (await service.where(HERO.age > 1).scroll(size=1)).next
        assert (await service.where(HERO.age > 1).scroll(size=1, after=cursor)).items
        for other in (HERO.age > 2, HERO.age >= 1, HERO.id > 1):
            with pytest.raises(InvalidCursor):
                await service.where(other).scroll(size=1, after=cursor)


@pytest.mark.parametrize(
    "alter",
    [
        lambda cursor: cursor[:-1],
        lambda cursor: cursor[:-4],
        lambda cursor: cursor[1:],
        lambda cursor: cursor + "A",
        lambda cursor: cursor + "=",
        lambda cursor: cursor + " ",
        lambda cursor: cursor.swapcase(),
        lambda cursor: f"{cursor[:30]}{'A' if cursor[30] != 'A' else 'B'}{cursor[31:]}",
        lambda cursor: f"B{cursor[1:]}",
        lambda _: "",
        lambda _: "0",
        lambda _: 0,
        lambda _: False,
        lambda _: b"cursor",
        lambda _: "é",
        lambda _: "\ud800",
    ],
)
async def test_a_cursor_that_is_none_is_refused_and_never_ignored(
    heroes: Database, alter: Callable[[str], Any]
) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where().order_by("-age")
        cursor = (await query.scroll(size=1)).next
        assert cursor is not None
        with count_statements(heroes) as statements:
            for place in ("after", "before"):
                with pytest.raises(InvalidCursor):
                    await query.scroll(size=1, **{place: alter(cursor)})
        statements.expect(0)


async def test_a_page_has_one_place_and_a_size(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where()
        cursor = (await query.scroll(size=1)).next
        with pytest.raises(InvalidPage, match="not both"):
            await query.scroll(size=1, after=cursor, before=cursor)
        for size in (0, -1, True, 1001):
            with pytest.raises(InvalidPage):
                await query.scroll(size=size)
        for cut in (query.limit(5), query.offset(5)):
            with pytest.raises(InvalidPage, match="has no pages"):
                await cut.scroll()


def forge(cursor: str, context: bytes, values: Any, secret: bytes = b"") -> str:
    """A cursor as someone makes it who knows how they are made, but not the secret."""
    assert cursor
    body = values if isinstance(values, bytes) else json.dumps(values).encode()
    counted = len(context).to_bytes(8, "big") + context + body
    sealed = hmac.new(secret, counted, hashlib.sha256).digest()[:16]
    return base64.urlsafe_b64encode(b"\x01" + sealed + body).rstrip(b"=").decode()


Ask = Callable[[Any], Awaitable[Any]]


def forger(session: Any, order: tuple[str, ...]) -> Ask:
    query = HeroService(session).where().order_by(*order)
    places = CursorCodec(query._spec)

    async def ask(values: Any) -> Any:
        return await query.scroll(size=2, after=forge("x", places.context, values))

    return ask


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=4,
)
TAGGED = st.tuples(st.sampled_from("fntdciub"), JSON | st.just("2020-01-01")).map(list)


@given(
    field=st.sampled_from(("age", "name", "height", "fee", "seen", "born", "badge", "kind")),
    value=JSON | TAGGED | st.sampled_from(["\x00", "HERO", ["f", "nan"], ["n", "1e400"]]),
    key=st.integers() | JSON,
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_a_forged_cursor_is_a_place_or_no_cursor(
    heroes: Database, field: str, value: Any, key: Any
) -> None:
    async with heroes.reader() as session:
        ask = forger(session, (field, "-id"))
        try:
            page = await ask([False, 0, value, key])
        except InvalidCursor:
            return
        assert all(1 <= hero.id <= 12 for hero in page.items)


@given(cursor=st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_no_string_is_a_cursor_that_was_not_made_as_one(
    heroes: Database, cursor: str
) -> None:
    async with heroes.reader() as session:
        with pytest.raises(InvalidCursor):
            await HeroService(session).where().scroll(after=cursor)


async def test_bodies_that_are_no_list_of_keys_are_refused(heroes: Database) -> None:
    async with heroes.reader() as session:
        ask = forger(session, ("age",))
        for body in (
            b"",
            b"{}",
            b"[",
            b"[" * 100_000,
            b"[]",
            b"[1,2,3,4]",
            b"[false,0,1]",
            b"\xff",
        ):
            with pytest.raises(InvalidCursor):
                await ask(body)
        assert (await ask([True, 0, 3, 1])).items
        far = forger(session, ("height",))
        for number in (["f", "inf"], ["f", "-inf"], ["f", "nan"]):
            try:
                await far([False, 0, number, 1])
            except InvalidCursor:
                assert session.family == "mysql"
        for wrong in (
            [False, 0, 3, None],
            [False, 0, True, 1],
            [False, 0, 2**63, 1],
            [None, 0, 3, 1],
            [False, None, 3, 1],
            [False, 0, 3, 1, 1],
        ):
            with pytest.raises(InvalidCursor):
                await ask(wrong)


async def test_a_secret_keeps_others_from_making_cursors(heroes_url: str) -> None:
    async with (
        Database(heroes_url, cursor_secret=SECRET) as database,
        Database(heroes_url, cursor_secret=SECRET[::-1]) as other,
        Database(heroes_url) as open_to_all,
    ):
        assert SECRET not in repr(database.settings)
        async with database.reader() as session, other.reader() as two, open_to_all.reader() as no:
            query = HeroService(session).where().order_by("-age")
            pages = await forwards(query, 5)
            assert ids(pages) == in_order(("-age",))
            for stranger in (two, no):
                with pytest.raises(InvalidCursor):
                    await HeroService(stranger).where().order_by("-age").scroll(after=pages[0].next)
            with pytest.raises(InvalidCursor):
                await forger(session, ("-age",))([False, 0, 3, 1])
