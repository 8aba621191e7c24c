"""Figures count what is in scope, and nothing else."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import BaseModel
from tests.scope.guilds import OURS, CountryService, HeroService, MissionService, Named, TeamService

from colonnade import Count, Database, Group, Max
from colonnade.errors import ScopeUnbound


class HeroFigures(BaseModel):
    name: str
    missions: Annotated[int, Count("missions")]
    powers: Annotated[int, Count("powers")]
    pupils: Annotated[int, Count("pupils")]
    team: Annotated[int, Count("team.heroes")]


class CountryFigures(BaseModel):
    name: str
    teams: Annotated[int, Count("teams")]
    heroes: Annotated[int, Count("teams.heroes")]
    latest: Annotated[str | None, Max("teams.heroes.name")]


class ByTeam(BaseModel):
    team: Named | None
    heroes: Annotated[int, Count()]
    missions: Annotated[int, Count("missions")]


class ByTeamName(BaseModel):
    team: Annotated[str | None, Group("team.name")]
    heroes: Annotated[int, Count("name", distinct=True)]


class ByHero(BaseModel):
    hero: Annotated[str | None, Group("hero.name")]
    missions: Annotated[int, Count()]


def values(found: list[Any]) -> list[tuple[Any, ...]]:
    return [tuple(item.model_dump().values()) for item in found]


async def test_children_out_of_scope_are_not_counted(db: Database) -> None:
    async with db.reader(scope={"guild": OURS}) as session:
        heroes = HeroService(session).into(HeroFigures)
        assert values(await heroes.order_by("name").all()) == [
            ("our boss", 1, 1, 1, 2),
            ("our pupil", 0, 1, 0, 2),
            ("our stray", 0, 0, 0, 0),
        ]
        assert [item.name for item in await heroes.having(powers=0).all()] == ["our stray"]
        countries = await CountryService(session).into(CountryFigures).all()
        assert values(countries) == [("Norway", 1, 2, "our pupil")]


async def test_groups_are_of_rows_in_scope(db: Database) -> None:
    async with db.reader(scope={"guild": OURS}) as session:
        heroes = HeroService(session)
        by_team = heroes.into(ByTeam).order_by("-heroes")
        assert values(await by_team.all()) == [({"name": "our team"}, 2, 1), (None, 1, 0)]
        assert await by_team.count() == 2
        by_name = heroes.into(ByTeamName).order_by("-heroes")
        assert values(await by_name.all()) == [("our team", 2), (None, 1)]
        by_hero = MissionService(session).into(ByHero)
        assert values(await by_hero.all()) == [("our boss", 1)]


@pytest.mark.parametrize(
    ("service", "schema"),
    [(HeroService, ByTeam), (HeroService, HeroFigures), (CountryService, CountryFigures)],
)
async def test_figures_of_what_has_no_value_for_its_scope_fail(
    db: Database, service: Any, schema: Any
) -> None:
    async with db.reader() as session:
        with pytest.raises(ScopeUnbound):
            await service(session).into(schema).all()
        if schema is not CountryFigures:
            with pytest.raises(ScopeUnbound):
                await service(session).into(schema).count()


async def test_what_is_unscoped_is_counted_whole(db: Database) -> None:
    class TeamFigures(BaseModel):
        name: str
        heroes: Annotated[int, Count("heroes")]

    async with (
        db.reader(scope={"guild": OURS}) as session,
        session.unscoped("guild", "deleted"),
    ):
        found = await TeamService(session).into(TeamFigures).order_by("name").all()
        assert values(found) == [("our team", 4), ("their team", 4)]
