"""Loading entities: what was asked for is there, and the rest says what to ask for."""

from __future__ import annotations

from typing import Any

import pytest
from tests.guild import Hero, HeroService, Mission, MissionService, TeamService

from colonnade import Database, Rows
from colonnade.errors import InvalidOperand, RelationshipNotLoaded, UnknownField, UsageError
from colonnade.testing import count_statements

HERO: Any = Hero


async def test_a_single_object_is_joined_and_costs_no_statement(heroes: Database) -> None:
    async with heroes.reader() as session:
        with count_statements(heroes) as statements:
            found = await HeroService(session).where().load("team.city", "mentor").all()
        statements.expect(1)
        assert [hero.team.name if hero.team else None for hero in found[:3]] == [
            "Avengers",
            "League",
            None,
        ]
        assert found[0].team is not None
        assert found[0].team.city is not None
        assert found[0].team.city.name == "Oslo"
        assert [hero.mentor.id if hero.mentor else None for hero in found[:2]] == [None, 1]


@pytest.mark.parametrize("rows", [1, 3, 12])
async def test_a_collection_takes_one_statement_however_many_rows_there_are(
    heroes: Database, rows: int
) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where(id__lte=rows)
        with count_statements(heroes) as statements:
            found = await query.load("missions.place", "powers", "team").all()
        statements.expect(3)
        assert [mission.year for mission in found[0].missions] == [2019, 2020, 2021]
        assert [power.name for power in found[0].powers] == ["swim", "fly", "dig"]
        assert all(hero.powers == [] for hero in found[2:4])


async def test_a_collection_in_a_collection_takes_one_more(heroes: Database) -> None:
    async with heroes.reader() as session:
        with count_statements(heroes) as statements:
            teams = await TeamService(session).where().load("heroes.missions", "heroes.team").all()
        statements.expect(3)
        assert [len(team.heroes) for team in teams] == [4, 4, 0]
        missions = {hero.id: len(hero.missions) for hero in teams[0].heroes}
        assert missions == {1: 3, 4: 0, 7: 1, 10: 0}
        assert all(hero.team is teams[0] for hero in teams[0].heroes)


async def test_relations_load_from_a_mapped_attribute_too(heroes: Database) -> None:
    async with heroes.reader() as session:
        hero = await HeroService(session).where(id=1).load(HERO.team, Hero.powers).one()
        assert hero.team is not None
        assert len(hero.powers) == 3


async def test_what_nobody_asked_for_says_what_to_ask_for(heroes: Database) -> None:
    async with heroes.reader() as session:
        hero = await HeroService(session).where(id=1).load("missions").one()
        with count_statements(heroes) as statements:
            with pytest.raises(RelationshipNotLoaded) as caught:
                _ = hero.team
            assert caught.value.fields == ("team",)
            assert "load='team'" in (caught.value.hint or "")
            with pytest.raises(RelationshipNotLoaded):
                _ = hero.missions[0].place
        statements.expect(0)
    with pytest.raises(RelationshipNotLoaded):
        _ = hero.powers


async def test_a_limit_counts_rows_and_not_what_is_loaded_with_them(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where(missions__year__gt=0).load("missions", "team").limit(2)
        found = await query.all()
        assert [(hero.id, len(hero.missions)) for hero in found] == [(1, 3), (2, 1)]
        first = await query.first()
        assert first is not None
        assert len(first.missions) == 3


async def test_loading_fills_an_object_that_the_session_holds_already(heroes: Database) -> None:
    async with heroes.session() as session:
        service = HeroService(session)
        hero = await service.get(1)
        with count_statements(heroes) as statements:
            assert await service.get(1, load=["team", "missions"]) is hero
        statements.expect(2)
        assert hero.team is not None
        assert len(hero.missions) == 3
        (again,) = await service.get_many([1], load=["powers"])
        assert again is hero
        assert len(hero.powers) == 3


async def test_an_object_that_is_always_there_is_loaded_as_one(heroes: Database) -> None:
    async with heroes.reader() as session:
        found = await MissionService(session).where(year=2022).load("hero.team").one()
        assert found.hero.team is not None
        assert found.hero.team.name == "League"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("tema", "Hero has no relation 'tema'"),
        ("team.cty", "Team has no relation 'cty'"),
        ("team__cty", "Team has no relation 'cty'"),
        ("name", "Hero has no relation 'name'"),
        ("", "Hero has no relation ''"),
    ],
)
async def test_an_unknown_relation_is_refused_with_the_nearest_right_one(
    heroes: Database, path: str, message: str
) -> None:
    async with heroes.reader() as session:
        with pytest.raises(UnknownField) as caught:
            HeroService(session).where().load(path)
        assert caught.value.message == message
        if path.startswith("te"):
            assert "did you mean" in (caught.value.hint or "")
        with pytest.raises(UnknownField):
            await HeroService(session).get(1, load=[path])


async def test_a_relation_is_named(heroes: Database) -> None:
    async with heroes.reader() as session:
        for path in (3, None, object()):
            with pytest.raises(InvalidOperand, match="a string or a mapped attribute"):
                HeroService(session).where().load(path)
        with pytest.raises(UnknownField):
            HeroService(session).where().load(Mission.place)


async def test_a_collection_of_objects_comes_in_the_order_asked_for(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where(id__in=[1, 2, 3])
        with count_statements(heroes) as statements:
            found = await query.load("missions.place", missions=Rows("-year")).all()
        statements.expect(2)
        assert [[item.year for item in hero.missions] for hero in found] == [
            [2021, 2020, 2019],
            [2022],
            [],
        ]
        assert [item.place.name for item in found[0].missions if item.place] == ["Oslo", None]
        placed = await query.load(missions=Rows(["-place.name", "year"])).order_by("id").first()
        assert placed is not None
        assert len(placed.missions) == 3
        streamed = [hero async for hero in query.load(missions=Rows("-year")).stream(2)]
        assert [item.year for item in streamed[0].missions] == [2021, 2020, 2019]


async def test_an_order_reaches_what_is_nested(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where(id=1)
        sorts = {"pupils": Rows("-id"), "pupils.powers": Rows("name"), "powers": Rows("name")}
        with count_statements(heroes) as statements:
            hero = await query.load("team", **sorts).one()
        statements.expect(4)
        assert [pupil.id for pupil in hero.pupils] == [5, 4, 3, 2]
        assert [power.name for power in hero.powers] == ["dig", "fly", "swim"]
        assert [power.name for power in hero.pupils[-1].powers] == ["fly"]


@pytest.mark.parametrize("rows", [Rows("-year", limit=2), Rows(where={"done": True})])
async def test_a_part_of_a_collection_would_lie_to_the_session(
    heroes: Database, rows: Rows
) -> None:
    async with heroes.reader() as session:
        with pytest.raises(UsageError, match="would lie to the session") as caught:
            HeroService(session).where().load(missions=rows)
        assert "into(Schema" in (caught.value.hint or "")


async def test_an_order_is_for_collections_that_there_are(heroes: Database) -> None:
    async with heroes.reader() as session:
        query: Any = HeroService(session).where()
        with pytest.raises(InvalidOperand, match="team is one object"):
            query.load(team=Rows("name"))
        with pytest.raises(InvalidOperand, match="missions takes Rows"):
            query.load(missions="-year")
        with pytest.raises(UnknownField, match="mision"):
            query.load(mision=Rows("year"))
        with pytest.raises(UnknownField, match="yaer"):
            query.load(missions=Rows("yaer"))
