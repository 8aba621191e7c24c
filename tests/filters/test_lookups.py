"""What each operator answers, beside plain Python, on every database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.guild import (
    CityService,
    HeroService,
    Kind,
    OddService,
    TeamService,
    badge,
)
from tests.guild import heroes as rows

from colonnade import Database
from colonnade.testing import count_statements

ROWS = rows()
#: Names of which an operand may be made: letters that fold, SQL's own characters, an emoji.
TEXT = st.text("aAnN%_\\'\" 01xb😀", max_size=4)
KINDS: dict[str, st.SearchStrategy[Any]] = {
    "name": st.sampled_from([row["name"] for row in ROWS]) | TEXT,
    "slug": st.sampled_from("abcde"),
    "age": st.integers(-1, 6) | st.sampled_from([-(2**31), 2**31 - 1]),
    "height": st.integers(-1, 12).map(lambda number: number / 4),
    "fee": st.integers(-4, 1200).map(lambda number: Decimal(number) / 100),
    "active": st.booleans(),
    "kind": st.sampled_from(Kind),
    "born": st.integers(-1, 4).map(lambda days: date(2000, 1, 1) + timedelta(days)),
    "seen": st.sampled_from([row["seen"] for row in ROWS if row["seen"]])
    | st.integers(0, 12).map(lambda days: datetime(2020, 1, 1, 13, tzinfo=UTC) + timedelta(days)),
    "badge": st.integers(0, 12).map(badge),
}
ORDERED = ("slug", "age", "height", "fee", "born", "seen")
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda value, operand: value == operand,
    "ne": lambda value, operand: value != operand,
    "gt": lambda value, operand: value > operand,
    "gte": lambda value, operand: value >= operand,
    "lt": lambda value, operand: value < operand,
    "lte": lambda value, operand: value <= operand,
    "in": lambda value, operand: value in operand,
    "not_in": lambda value, operand: value not in operand,
    "contains": lambda value, operand: operand in value,
    "icontains": lambda value, operand: operand.lower() in value.lower(),
}


def holds(operator: str, value: Any, operand: Any) -> bool:
    """What SQL says: nothing is known of NULL, but that it is not among no values."""
    if operator == "isnull":
        return (value is None) is operand
    if operator == "not_in" and not operand:
        return True
    return value is not None and COMPARE[operator](value, operand)


@st.composite
def questions(draw: st.DrawFn) -> tuple[str, str, Any]:
    field = draw(st.sampled_from(sorted(KINDS)))
    operators = ["eq", "ne", "in", "not_in", "isnull"]
    if field in ORDERED:
        operators += ["gt", "gte", "lt", "lte"]
    if field == "name":
        operators += ["contains", "icontains"]
    operator = draw(st.sampled_from(operators))
    if operator == "isnull":
        return field, operator, draw(st.booleans())
    if operator in ("in", "not_in"):
        many = st.lists(KINDS[field], max_size=5)
        return field, operator, draw(many | many.map(tuple) | many.map(frozenset))
    return field, operator, draw(KINDS[field])


@given(asked=st.lists(questions(), min_size=1, max_size=3))
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_lookups_answer_as_plain_python_does(
    heroes: Database, asked: list[tuple[str, str, Any]]
) -> None:
    expected = [
        number
        for number, row in enumerate(ROWS, start=1)
        if all(holds(operator, row[field], operand) for field, operator, operand in asked)
    ]
    async with heroes.reader() as session:
        query = HeroService(session).where()
        for field, operator, operand in asked:
            query = query.where({f"{field}__{operator}": operand})
        assert [hero.id for hero in await query.all()] == expected
        assert await query.count() == len(expected)
        assert await query.exists() is bool(expected)


async def ids(database: Database, *conditions: Any, **lookups: Any) -> list[int | None]:
    async with database.reader() as session:
        return [hero.id for hero in await HeroService(session).where(*conditions, **lookups).all()]


@pytest.mark.parametrize("part", ["%", "_", "\\", "'", '"', "😀", "a_b", "100%"])
async def test_contains_takes_every_character_for_itself(heroes: Database, part: str) -> None:
    expected = [number for number, row in enumerate(ROWS, start=1) if part in row["name"]]
    assert expected
    assert await ids(heroes, name__contains=part) == expected
    assert await ids(heroes, name__icontains=part) == expected


async def test_an_empty_text_is_held_by_every_text(heroes: Database) -> None:
    everyone = list(range(1, 13))
    assert await ids(heroes, name__contains="") == everyone
    assert await ids(heroes, name__icontains="") == everyone


async def test_equality_and_contains_mind_case_and_spaces_on_every_database(
    heroes: Database,
) -> None:
    assert await ids(heroes, name="ann") == [2]
    assert await ids(heroes, name="ANN") == []
    assert await ids(heroes, name="ANN ") == [3]
    assert await ids(heroes, name__in=["ANN", "ann"]) == [2]
    assert 1 in await ids(heroes, name__ne="ann")
    assert 1 in await ids(heroes, name__not_in=["ann"])
    assert await ids(heroes, name__contains="Ann") == [1]
    assert await ids(heroes, name__icontains="Ann") == [1, 2, 3]


async def test_contains_works_on_a_column_of_another_character_set(
    mariadb_url: str,
) -> None:
    async with Database(mariadb_url) as database:
        async with database.engine.begin() as connection:
            await connection.exec_driver_sql(
                "CREATE TABLE team (id INT PRIMARY KEY, name VARCHAR(20), motto VARCHAR(20), "
                "city_id INT) CHARACTER SET latin1"
            )
            await connection.exec_driver_sql("INSERT INTO team VALUES (1, 'Élan', NULL, NULL)")
        async with database.reader() as session:
            teams = TeamService(session)
            assert await teams.where(name__contains="Él").count() == 1
            assert await teams.where(name__icontains="éLAN").count() == 1
            assert await teams.where(name="Élan").count() == 1
            assert await teams.where(name="élan").count() == 0


async def test_none_asks_for_null_and_ne_none_for_a_value(heroes: Database) -> None:
    without = [number for number, row in enumerate(ROWS, start=1) if row["age"] is None]
    assert await ids(heroes, age=None) == await ids(heroes, age__eq=None) == without
    assert await ids(heroes, age__isnull=True) == without
    assert await ids(heroes, age__ne=None) == await ids(heroes, age__isnull=False)
    assert set(await ids(heroes, age__ne=None)) == set(range(1, 13)) - set(without)


async def test_in_takes_any_collection_of_any_length(heroes: Database) -> None:
    assert await ids(heroes, id__in=[]) == []
    assert await ids(heroes, id__not_in=[]) == list(range(1, 13))
    assert await ids(heroes, id__in=range(100)) == list(range(1, 13))
    assert await ids(heroes, id__in={3: "x"}.keys()) == [3]
    assert await ids(heroes, id__in=range(30_000)) == list(range(1, 13))


async def test_a_string_is_read_as_the_columns_type(heroes: Database) -> None:
    assert await ids(heroes, id="3") == [3]
    assert await ids(heroes, active="false") == await ids(heroes, active=False)
    assert await ids(heroes, kind="villain") == await ids(heroes, kind=Kind.VILLAIN)
    assert await ids(heroes, badge=str(badge(0))) == [1]
    assert await ids(heroes, born__lte="2000-01-01") == await ids(heroes, born=date(2000, 1, 1))
    assert await ids(heroes, fee="0.50") == [3]


async def test_a_moment_is_compared_whatever_its_zone(heroes: Database) -> None:
    seen = ROWS[2]["seen"]
    assert await ids(heroes, seen=seen.astimezone(timezone(timedelta(hours=5)))) == [3]


async def test_a_decimal_may_be_compared_with_a_larger_one_than_fits(heroes: Database) -> None:
    with_fee = [number for number, row in enumerate(ROWS, start=1) if row["fee"] is not None]
    assert await ids(heroes, fee__lt=Decimal("1e12")) == with_fee


async def test_a_column_may_have_any_name(guild: Database) -> None:
    """Named like a parameter, with the separator in it, like a lookup, or renamed."""
    like_parameters = [
        "self",
        "model",
        "limit",
        "order",
        "db",
        "conditions",
        "given",
        "key",
        "payload",
    ]
    async with guild.session() as session:
        odd = OddService(session)

        async def found(order: str = "id", /, **lookups: Any) -> list[int]:
            return [item.real_name for item in await odd.where(**lookups).order_by(order).all()]

        names = [*like_parameters, "a__b", "a__in"]
        await odd.create_many(
            [
                {"real_name": "x"} | dict.fromkeys(names, 1),
                {"real_name": "y"} | dict.fromkeys(names, 2),
            ]
        )
        for name in names:
            assert await found(**{name: 2}) == ["y"]
            assert await found(**{f"{name}__lt": 2}) == ["x"]
            assert await found(f"-{name}") == ["y", "x"]
        assert await found(a__in__in=[1]) == ["x"]
        assert await found(real_name__contains="y") == ["y"]
        assert "realName" in str(odd.where(real_name="x").statement())
        first = await odd.where(real_name="x").one()
        changed = await odd.update(first.id, dict.fromkeys(names, 9))
        assert [getattr(changed, name) for name in names] == [9] * len(names)


async def test_paths_to_one_object_are_followed_to_any_depth(heroes: Database) -> None:
    assert await ids(heroes, team__name="Avengers") == [1, 4, 7, 10]
    assert await ids(heroes, team__city__country="NO") == [1, 4, 7, 10]
    assert await ids(heroes, mentor__mentor__name="Ann") == [6]
    assert await ids(heroes, mentor__mentor__team__city__name="Oslo") == [6]


async def test_where_there_is_no_object_its_columns_are_null(heroes: Database) -> None:
    assert await ids(heroes, team__name__isnull=True) == [3, 6, 9, 12]
    assert await ids(heroes, team__city__name__isnull=True) == [2, 3, 5, 6, 8, 9, 11, 12]
    assert await ids(heroes, team__name__isnull=False) == await ids(heroes, team__name__ne=None)
    assert await ids(heroes, team__name__ne="Avengers") == [2, 5, 8, 11]
    assert await ids(heroes, team__name__not_in=["Avengers"]) == [2, 5, 8, 11]


async def test_a_parent_comes_once_however_many_children_match(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where(missions__year__gte=2000)
        assert [hero.id for hero in await query.all()] == [1, 2, 7]
        assert await query.count() == 3
        page = await query.page(1, size=2)
        assert ([hero.id for hero in page.items], page.total) == ([1, 2], 3)
        assert [hero.id for hero in (await query.page(2, size=2)).items] == [7]
        assert "JOIN" not in str(query.statement())


async def test_each_lookup_over_a_collection_asks_for_a_child_of_its_own(
    heroes: Database,
) -> None:
    assert await ids(heroes, missions__year=2021) == [1]
    assert await ids(heroes, missions__done=False) == [1, 2]
    assert await ids(heroes, missions__year=2021, missions__done=False) == [1]
    assert await ids(heroes, powers__name="fly", missions__title="patrol") == [1, 2]


async def test_many_to_many_and_self_reference_are_followed(heroes: Database) -> None:
    assert await ids(heroes, powers__name="swim") == [1, 5]
    assert await ids(heroes, pupils__name="a_b") == [2]
    assert await ids(heroes, mentor__name="Ann") == [2, 3, 4, 5]
    assert await ids(heroes, pupils__pupils__name="a_b") == [1]
    assert await ids(heroes, mentor__powers__name="dig") == [2, 3, 4, 5]
    assert await ids(heroes, team__heroes__powers__name="swim", id__lte=3) == [1, 2]


async def test_a_path_goes_on_after_a_collection(heroes: Database) -> None:
    assert await ids(heroes, missions__place__country="NO") == [1, 2]
    assert await ids(heroes, missions__place__name__isnull=True) == [1, 7]
    assert await ids(heroes, missions__place__name__isnull=False) == [1, 2]
    assert await ids(heroes, missions__hero__team__city__name="Oslo") == [1, 7]
    assert await ids(heroes, missions__hero__mentor__name__isnull=True) == [1, 7]


async def test_no_place_has_no_missions_without_a_title(heroes: Database) -> None:
    """Where a path ends in a collection, isnull asks for a member whose column is NULL."""
    assert await ids(heroes, missions__place__missions__title__isnull=True) == []
    assert await ids(heroes, team__heroes__age__isnull=True, id__lte=3) == [1, 2]
    async with heroes.reader() as session:
        assert await CityService(session).where(missions__title__isnull=True).count() == 0


async def test_a_question_is_one_statement_however_many_lookups_it_has(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where(
            age__gte=0,
            team__name__ne="x",
            team__city__country__isnull=False,
            missions__place__name="Oslo",
            powers__name__in=["fly"],
        )
        with count_statements(heroes) as statements:
            assert [hero.id for hero in await query.all()] == [1]
            assert await query.count() == 1
        statements.expect(2)
        assert str(query.statement()).count("JOIN team") == 1
