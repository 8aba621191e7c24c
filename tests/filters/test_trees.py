"""Boolean trees and children, beside plain Python, on every database."""

from __future__ import annotations

from typing import Any

import pytest
from tests.guild import Hero, HeroService, Mission, Team, TeamService

from colonnade import Database, all_of, any_of, every, not_, some
from colonnade.errors import InvalidOperand, UnknownField
from colonnade.filters import parse_conditions

HERO: Any = Hero
MISSION: Any = Mission
#: Hero: (title, year, done, city) of each mission; the others have none.
MISSIONS = {
    1: [("rescue", 2021, True), ("rescue", 2019, False), ("patrol", 2020, True)],
    2: [("patrol", 2022, False)],
    7: [("rescue", 2020, True)],
}
EVERYONE = list(range(1, 13))


async def ids(heroes: Database, *given: Any, **lookups: Any) -> list[int | None]:
    """Keys of the heroes found; they are as many as are counted, and nobody comes twice."""
    async with heroes.reader() as session:
        query = HeroService(session).where(*given, **lookups)
        found = [hero.id for hero in await query.all()]
        assert await query.count() == len(found) == len(set(found))
        assert await query.exists() is bool(found)
    return found


async def test_some_asks_for_one_child_that_is_all_of_it(heroes: Database) -> None:
    assert await ids(heroes, some("missions", title="rescue", year__gte=2020)) == [1, 7]
    assert await ids(heroes, some("missions", year=2019, done=True)) == []
    # Two lookups are two questions, and two children may answer them.
    assert await ids(heroes, missions__year=2019, missions__done=True) == [1]


async def test_every_child_answers_and_no_child_is_no_objection(heroes: Database) -> None:
    childless = [number for number in EVERYONE if number not in MISSIONS]
    done = await ids(heroes, every("missions", done=True))
    assert done == sorted([7, *childless])
    assert await ids(heroes, every("missions", done=True), some("missions")) == [7]
    assert await ids(heroes, not_(every("missions", done=True))) == [1, 2]


async def test_what_is_unknown_of_a_child_does_not_hold_for_every_one(heroes: Database) -> None:
    # Hero 7's only mission has no place, 1 has places named and unnamed, 2's is in Oslo.
    found = await ids(heroes, every("missions", place__name="Oslo"), some("missions"))
    assert found == [2]
    assert await ids(heroes, some("missions", not_(place__name="Oslo"))) == []
    assert await ids(heroes, some("missions", place__name__isnull=True)) == [1, 7]
    assert await ids(heroes, some("missions", place__country="NO", place__name="Oslo")) == [1, 2]


async def test_alternatives_nest_and_mix_lookups_mappings_and_expressions(heroes: Database) -> None:
    found = await ids(
        heroes,
        any_of(
            all_of(team__name="Avengers", age=0),
            {"name": "it's", "age__gte": 4},
            not_(any_of(HERO.age < 5, id__gt=11)),
            some("powers", name="swim"),
        ),
        id__lte=11,
    )
    expected = {1, 9, 11, 5}
    assert found == sorted(expected)


async def test_an_alternative_of_nothing_is_no_row_and_all_of_nothing_every_row(
    heroes: Database,
) -> None:
    assert await ids(heroes, any_of()) == []
    assert await ids(heroes, all_of()) == EVERYONE
    assert await ids(heroes, not_(any_of())) == EVERYONE
    assert await ids(heroes, any_of({})) == EVERYONE


async def test_one_operator_may_stand_twice_in_alternatives(heroes: Database) -> None:
    assert await ids(heroes, any_of({"name": "Ann"}, {"name": "ann"})) == [1, 2]
    assert await ids(heroes, any_of({"id__in": [1, 2]}, {"id__in": [12]}, {"id": 5})) == [
        1,
        2,
        5,
        12,
    ]


async def test_an_expression_about_children_is_taken_in_their_own_place(heroes: Database) -> None:
    assert await ids(heroes, some("missions", MISSION.year > 2021)) == [2]
    assert await ids(heroes, some("missions", any_of(MISSION.year > 2021, year=2020))) == [1, 2, 7]
    assert await ids(heroes, some("pupils", HERO.id == 6)) == [2]
    with pytest.raises(InvalidOperand, match="which the query does not join"):
        parse_conditions(Hero, (some("missions", HERO.id == 1),), {})


async def test_children_of_children_and_of_ones_own_kind(heroes: Database) -> None:
    assert await ids(heroes, some("pupils", some("pupils"))) == [1]
    assert await ids(heroes, some("team.heroes", name="Ann")) == [1, 4, 7, 10]
    assert await ids(heroes, some("powers.heroes", id=5), some("powers", name="fly")) == [1]
    assert await ids(heroes, every("team.heroes", id__lt=12), some("team.heroes")) == [
        *(1, 2, 4, 5, 7, 8, 10, 11),
    ]
    async with heroes.reader() as session:
        teams = TeamService(session).where(some("heroes", some("missions", done=True)))
        assert [team.id for team in await teams.all()] == [1]


async def test_a_thousand_alternatives_are_answered(heroes: Database) -> None:
    many = any_of(*({"id": number, "name__ne": "-"} for number in range(2, 2002)))
    assert await ids(heroes, many) == EVERYONE[1:]
    assert await ids(heroes, *({"id__ne": number} for number in range(2, 3000))) == [1]


def test_a_tree_without_a_meaning_is_refused_at_once() -> None:
    for make in (not_, lambda: every("missions")):
        with pytest.raises(InvalidOperand, match="at least one condition"):
            make()
    for path in (1, None):
        with pytest.raises(InvalidOperand, match="relation's name or mapped attribute"):
            some(path)
    with pytest.raises(InvalidOperand, match="team is one object, not many") as caught:
        parse_conditions(Hero, (some("team", name="x"),), {})
    assert caught.value.hint == "follow it with lookups, such as team__…=…"
    with pytest.raises(UnknownField, match="no relation 'mission'") as unknown:
        parse_conditions(Hero, (some("mission"),), {})
    assert "did you mean 'missions'?" in (unknown.value.hint or "")
    with pytest.raises(UnknownField, match="Mission has no field 'yeer'"):
        parse_conditions(Hero, (any_of(some("missions", yeer=1)),), {})
    with pytest.raises(InvalidOperand, match="not a bool"):
        parse_conditions(Hero, (any_of(True),), {})


def test_conditions_without_end_are_refused() -> None:
    deep: Any = {"age": 1}
    for _ in range(70):
        deep = not_(deep)
    with pytest.raises(InvalidOperand, match="nested more than 60 deep"):
        parse_conditions(Hero, (deep,), {})
    with pytest.raises(InvalidOperand, match="at most 10000 conditions"):
        parse_conditions(Hero, (any_of(*[{"age": 1}] * 10_001),), {})


def test_relations_may_be_named_by_mapped_attributes() -> None:
    named = parse_conditions(Hero, (some("missions", done=True),), {})
    mapped = parse_conditions(Hero, (some(HERO.missions, done=True),), {})
    assert named == mapped
    assert hash(named.nodes) == hash(mapped.nodes)
    team: Any = Team
    assert parse_conditions(Team, (some(team.heroes),), {}).values == ()
