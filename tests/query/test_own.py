"""Scopes of a service's own: they hold for what it reads and writes, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel
from tests.guild import Hero, HeroCreate, HeroService, HeroUpdate, TeamService

from colonnade import Database, Scope, ServiceBase
from colonnade.errors import NotFound, OutOfScope, ScopeUnbound, UnknownField
from colonnade.testing import count_statements


class Anything(BaseModel):
    model_config = {"extra": "allow"}


class OfTeam(ServiceBase[Hero, HeroCreate, HeroUpdate]):
    scopes = (Scope("team", column="team_id"),)


class Grown(OfTeam):
    scopes = (*OfTeam.scopes, Scope("grown", lambda hero: hero.age >= 1))


class Named(BaseModel):
    name: str


async def ids(db: Database, service: type[OfTeam], **scope: Any) -> dict[str, Any]:
    async with db.reader(scope=scope) as session:
        heroes = service(session)
        rows = await heroes.where().all()
        return {
            "all": [hero.id for hero in rows],
            "count": await heroes.where().count(),
            "page": (await heroes.where().page(1)).total,
            "rows": len(await heroes.into(Named).all()),
            "many": len(await heroes.get_many([hero.id for hero in rows])),
            "json": (await heroes.into(Named).json.all()).count(b"name"),
        }


async def test_every_question_keeps_to_the_services_scopes(heroes: Database) -> None:
    of_team = await ids(heroes, OfTeam, team=1)
    assert of_team == {"all": [1, 4, 7, 10], "count": 4, "page": 4, "rows": 4, "many": 4, "json": 4}
    grown = await ids(heroes, Grown, team=1)
    assert grown == {"all": [7, 10], "count": 2, "page": 2, "rows": 2, "many": 2, "json": 2}


async def test_other_services_of_the_model_are_not_concerned(heroes: Database) -> None:
    async with heroes.reader(scope={"team": 1}) as session:
        assert await HeroService(session).where().count() == 12
        assert (await session.get_one(Hero, 2)).team_id == 2


async def test_a_row_out_of_scope_is_not_found(heroes: Database) -> None:
    async with heroes.session(scope={"team": 1}) as session:
        service = OfTeam(session)
        assert (await service.get(1)).id == 1
        with pytest.raises(NotFound):
            await service.get(2)
        assert await service.get_or_none(2) is None
        with pytest.raises(NotFound) as caught:
            await service.get_many([1, 2])
        assert caught.value.keys == (2,)
        with pytest.raises(NotFound):
            await service.update(2, {"age": 3})
        with pytest.raises(NotFound):
            await service.delete(2)
        async with session.unscoped("team"):
            assert (await service.get(2)).id == 2


async def test_a_new_row_gets_the_value_and_may_have_no_other(guild: Database) -> None:
    async with guild.session() as session:
        team = await TeamService(session).create({"name": "x"})
        other = await TeamService(session).create({"name": "y"})
    async with guild.session(scope={"team": team.id}) as session:
        service = OfTeam(session)
        hero = await service.create({"name": "a"})
        assert hero.team_id == team.id
        for call in (
            service.create({"name": "b", "team_id": other.id}),
            service.update(hero.id, {"team_id": other.id}),
        ):
            with pytest.raises(OutOfScope, match=r"Hero\.team_id names another team"):
                await call
        assert (await service.update(hero.id, {"age": 3})).age == 3


async def test_without_a_value_nothing_runs(heroes: Database) -> None:
    with count_statements(heroes) as statements:
        async with heroes.session() as session:
            service = OfTeam(session)
            with pytest.raises(ScopeUnbound):
                service.where()
            for call in (
                service.get(1),
                service.get_many([1]),
                service.create({"name": "x"}),
                service.update(1, {"age": 1}),
                service.delete(1),
            ):
                with pytest.raises(ScopeUnbound):
                    await call
    statements.expect(0)


async def test_a_scope_of_a_column_that_is_not_there_names_the_nearest(heroes: Database) -> None:
    class Wrong(ServiceBase[Hero, HeroCreate, HeroUpdate]):
        scopes = (Scope("team", column="teamid"),)

    async with heroes.reader(scope={"team": 1}) as session:
        with pytest.raises(UnknownField, match="did you mean 'team_id'"):
            Wrong(session).where()
