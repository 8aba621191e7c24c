from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import JSON, MetaData
from sqlalchemy.orm import registry
from sqlmodel import Field, Relationship, SQLModel
from tests.guild import Hero, HeroService, Mission, Odd, Seat, SeatService, Team
from tests.guild import heroes as rows

from colonnade import Database
from colonnade.errors import AmbiguousLookup, InvalidOperand, InvalidRequest, UnknownField
from colonnade.mapping import mapping_of
from colonnade.ordering import SortKey, flip_sort_key, sort_key_of, sort_keys_of, with_primary_key

HERO: Any = Hero
ROWS = rows()


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Near(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    b: int = 0
    stuff: dict[str, int] = Field(default_factory=dict, sa_type=JSON)


class Far(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    near__b: int = 0
    near_id: int | None = Field(default=None, foreign_key="near.id")
    near: Near = Relationship()


def named(terms: tuple[SortKey, ...]) -> list[tuple[str, bool]]:
    return [
        (".".join([*(step.name for step in item.steps), item.column.name]), item.descending)
        for item in terms
    ]


def test_a_term_is_made_once() -> None:
    assert sort_key_of(Hero, "-age") is sort_key_of(Hero, "-age")
    assert sort_key_of(Hero, "-age") is not sort_key_of(Hero, "age")
    assert (
        sort_key_of(Hero, "age")
        is sort_key_of(Hero, "+age")
        is sort_key_of(Hero, "age  NULLS  last ")
    )
    assert sort_key_of(Hero, "team.name") is sort_key_of(Hero, "team__name")


def test_the_sign_says_which_way() -> None:
    assert named(
        (sort_key_of(Hero, "-age"), sort_key_of(Hero, "+age"), sort_key_of(Hero, "age"))
    ) == [
        ("age", True),
        ("age", False),
        ("age", False),
    ]


def test_a_path_is_parted_by_a_dot_or_by_the_separator() -> None:
    for name in ("-team.city.name", "-team__city__name"):
        assert named((sort_key_of(Hero, name),)) == [("team.city.name", True)]
    assert named((sort_key_of(Odd, "a__b"),)) == [("a__b", False)]


def test_the_key_closes_every_order_in_its_last_direction() -> None:
    assert named(with_primary_key(Hero, ())) == [("id", False)]
    assert named(with_primary_key(Hero, (sort_key_of(Hero, "-age"),))) == [
        ("age", True),
        ("id", True),
    ]
    assert named(with_primary_key(Hero, (sort_key_of(Hero, "-id"),))) == [("id", True)]
    by_team = (sort_key_of(Hero, "team.id"),)
    assert named(with_primary_key(Hero, by_team)) == [("team.id", False), ("id", False)]
    by_number = (sort_key_of(Seat, "-number"),)
    assert named(with_primary_key(Seat, by_number)) == [("number", True), ("hall", True)]
    assert named(with_primary_key(Seat, ())) == [("hall", False), ("number", False)]


def test_what_comes_after_a_whole_key_decides_nothing() -> None:
    terms = sort_keys_of(Hero, ("age", "-id", "name"))
    assert named(with_primary_key(Hero, terms)) == [("age", False), ("id", True)]
    terms = sort_keys_of(Seat, ("-number", "hall", "guest"))
    assert named(with_primary_key(Seat, terms)) == [("number", True), ("hall", False)]


def test_a_column_that_comes_twice_counts_where_it_comes_first() -> None:
    assert named(sort_keys_of(Hero, ("-age", "name", "age", "team.name", "-team__name"))) == [
        ("age", True),
        ("name", False),
        ("team.name", False),
    ]


def test_null_is_the_greatest_unless_it_is_said_otherwise() -> None:
    placed = {
        name: sort_key_of(Hero, name).nulls_first
        for name in ("age", "-age", "age nulls first", "-age nulls last", "-age NULLS FIRST")
    }
    assert list(placed.values()) == [False, True, True, False, True]
    other = flip_sort_key(sort_key_of(Hero, "-age nulls last"))
    assert (other.descending, other.nulls_first) == (False, True)


def test_a_term_knows_whether_there_may_be_nulls() -> None:
    nullable = [sort_key_of(Hero, name).nullable for name in ("id", "name", "age", "team.name")]
    assert nullable == [False, False, True, True]
    assert not sort_key_of(Mission, "hero.name").nullable


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("nmae", "did you mean 'name'?"),
        ("-nmae", "did you mean 'name'?"),
        ("team.nam", "did you mean 'name'?"),
        ("--age", "did you mean 'age'?"),
        ("team", "name a column of it"),
        ("age__gt", "leave out what follows 'age'"),
        ("", "Hero has: "),
        ("-", "Hero has: "),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_right_one(name: str, hint: str) -> None:
    with pytest.raises(UnknownField) as caught:
        sort_key_of(Hero, name)
    assert (caught.value.hint or "").startswith(hint)


@pytest.mark.parametrize("name", ["missions.year", "team.heroes.name"])
def test_rows_are_not_sorted_by_what_they_have_many_of(name: str) -> None:
    with pytest.raises(UnknownField, match="has many of them"):
        sort_key_of(Hero, name)


def test_a_name_that_could_mean_two_columns_is_refused() -> None:
    with pytest.raises(AmbiguousLookup, match=r"'near\.b' could mean two things"):
        sort_key_of(Far, "near.b")


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        (None, 'such as "-age"'),
        (1, 'such as "-age"'),
        (["age", "name"], "each term is an argument of its own"),
    ],
)
def test_an_order_is_given_by_names_and_expressions(given: Any, hint: str) -> None:
    with pytest.raises(InvalidOperand, match="names and SQL expressions, not by") as caught:
        sort_key_of(Hero, given)
    assert (caught.value.hint or "").startswith(hint)


def test_an_attribute_is_its_name_with_the_direction_and_the_nulls_that_it_says() -> None:
    assert (
        sort_key_of(Hero, HERO.age.asc()) is sort_key_of(Hero, HERO.age) is sort_key_of(Hero, "age")
    )
    assert sort_key_of(Hero, HERO.age.desc()) is sort_key_of(Hero, "-age")
    assert sort_key_of(Hero, HERO.age.desc().nulls_last()) is sort_key_of(Hero, "-age nulls last")
    with pytest.raises(InvalidOperand, match="an expression on mission"):
        sort_key_of(Hero, Mission.year)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("desc", 'a direction is a sign: "id" goes up, "-id" goes down'),
        ("age desc", 'a direction is a sign: "age" goes up, "-age" goes down'),
        ("age ASC", 'a direction is a sign: "age" goes up'),
        ("age,name", "each term is an argument of its own"),
        ("age first", "a term is a name"),
        ("age nulls", "a term is a name"),
    ],
)
def test_a_familiar_mistake_is_told_how_to_write_it(name: str, hint: str) -> None:
    with pytest.raises(UnknownField) as caught:
        sort_key_of(Hero, name)
    assert (caught.value.hint or "").startswith(hint)
    assert sort_key_of(Odd, "order").column.name == "order"


def test_a_name_of_any_length_is_an_error() -> None:
    with pytest.raises(UnknownField, match="at most 300 characters"):
        sort_key_of(Hero, "a" * 1_000_000)


def test_json_has_no_order() -> None:
    for name in ("-stuff", "note.stuff"):
        with pytest.raises(InvalidOperand, match="JSON has no order"):
            sort_key_of(Near if name == "-stuff" else Far, name.replace("note", "near"))


@given(name=st.text(max_size=30) | st.from_regex(r"[+-]?(age|team\.name|nulls| |desc|__|\.)*"))
def test_any_text_is_a_term_or_an_error_of_the_tree(name: str) -> None:
    try:
        found = sort_key_of(Hero, name)
    except InvalidRequest:
        return
    assert found.column.name in {*mapping_of(Hero).columns, *mapping_of(Team).columns}


async def test_ties_are_broken_by_the_key(heroes: Database) -> None:
    with_slug = [(row["slug"], number) for number, row in enumerate(ROWS, 1) if row["slug"]]
    async with heroes.reader() as session:
        query = HeroService(session).where(slug__isnull=False)
        up = [number for _, number in sorted(with_slug)]
        assert [hero.id for hero in await query.order_by("slug").all()] == up
        assert [hero.id for hero in await query.order_by("-slug").all()] == up[::-1]
        mixed = sorted(with_slug, key=lambda item: (item[0], -item[1]))
        found = await query.order_by("slug", "-id").all()
        assert [hero.id for hero in found] == [number for _, number in mixed]


async def test_an_order_takes_the_place_of_the_one_before(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where().order_by("-id")
        assert (await query.first()).id == 12  # type: ignore[union-attr] # there are rows
        assert [hero.id for hero in await query.order_by("id").limit(2).all()] == [1, 2]
        assert [hero.id for hero in await query.order_by().limit(2).all()] == [1, 2]


async def test_a_path_sorts_without_losing_those_who_have_no_relation(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where().order_by("-team.name", "-mentor.mentor.name")
        found = await query.all()
        assert sorted(hero.id or 0 for hero in found) == list(range(1, 13))
        teams = [hero.team_id for hero in found if hero.team_id]
        assert teams == sorted(teams, reverse=True)
        filtered = query.where(team__name="League")
        assert str(filtered.statement()).count("JOIN team") == 1
        assert [hero.id for hero in await filtered.all()] == [11, 8, 5, 2]


async def test_a_composite_key_breaks_ties_with_all_its_columns(guild: Database) -> None:
    async with guild.session() as session:
        seats = SeatService(session)
        keys = [("b", 1), ("a", 2), ("a", 1)]
        await seats.create_many([{"hall": hall, "number": number} for hall, number in keys])
        found = await seats.where().order_by("-guest").all()
        assert [(seat.hall, seat.number) for seat in found] == sorted(keys, reverse=True)
        found = await seats.where().order_by("number").all()
        assert [(seat.hall, seat.number) for seat in found] == [("a", 1), ("b", 1), ("a", 2)]
