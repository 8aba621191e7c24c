"""What no row can answer is known without asking; who may not ask hears of it all the same."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field
from tests.guild import HeroService
from tests.scope.guilds import HeroService as GuildHeroService
from tests.scope.guilds import fill

from colonnade import Count, Database, Rows, any_of, every, not_
from colonnade.errors import ScopeUnbound, SessionClosed
from colonnade.testing import count_statements


class MissionRead(BaseModel):
    title: str


class HeroRead(BaseModel):
    id: int
    missions: list[MissionRead]


class Bare(BaseModel):
    id: int
    missions: Annotated[list[MissionRead], Rows(limit=0)]
    none: Annotated[list[MissionRead], Rows(where={"id__in": []})] = Field(
        validation_alias="missions"
    )


class ByTeam(BaseModel):
    team_id: int | None
    heroes: Annotated[int, Count()]


class Total(BaseModel):
    heroes: Annotated[int, Count()]


async def test_an_empty_list_runs_no_statement(heroes: Database) -> None:
    async with heroes.reader() as session:
        none: Any = HeroService(session).where(id__in=[], age=3)
        with count_statements(heroes) as statements:
            for asked in (none, none.into(HeroRead), none.into(ByTeam)):
                assert await asked.all() == []
                assert await asked.first() is None
                assert await asked.count() == 0
                assert await asked.exists() is False
                assert (await asked.page(3, count="estimated")).total == 0
                assert (await asked.slice(offset=3, limit=2)).total == 0
                assert (await asked.scroll()).items == []
                assert [item async for item in asked.stream()] == []
            assert await none.into(HeroRead).json.all() == b"[]"
            assert b'"total":0' in await none.into(HeroRead).json.page(2)
            assert (await none.into(HeroRead).json.scroll()).startswith(b'{"items":[]')
        statements.expect(0)


async def test_a_limit_of_nothing_runs_no_statement(heroes: Database) -> None:
    async with heroes.reader() as session:
        none = HeroService(session).where().limit(0)
        with count_statements(heroes) as statements:
            assert await none.all() == []
            assert await none.into(HeroRead).all() == []
            assert await none.into(HeroRead).json.all() == b"[]"
        statements.expect(0)


async def test_a_collection_of_nothing_runs_no_statement(heroes: Database) -> None:
    async with heroes.reader() as session:
        asked = HeroService(session).into(Bare)
        with count_statements(heroes) as statements:
            found = await asked.all()
        statements.expect(1)
        assert {(len(item.missions), len(item.none)) for item in found} == {(0, 0)}
        with count_statements(heroes) as statements:
            await HeroService(session).into(HeroRead, missions=Rows(limit=0)).all()
        statements.expect(1)


async def test_no_rows_at_all_are_one_object_where_nothing_is_grouped_by(heroes: Database) -> None:
    async with heroes.reader() as session:
        assert await HeroService(session).where(id__in=[]).into(Total).one() == Total(heroes=0)


async def test_an_empty_list_that_decides_nothing_alone_is_asked(heroes: Database) -> None:
    async with heroes.reader() as session:
        heroes_ = HeroService(session)
        total = await heroes_.where().count()
        assert await heroes_.where(any_of(id__in=[], id=1)).count() == 1
        assert await heroes_.where(not_(id__in=[])).count() == total
        assert await heroes_.where(id__not_in=[]).count() == total
        assert await heroes_.where(every("missions", id__in=[])).count() < total
        assert await heroes_.where(missions__id__in=[]).count() == 0


async def test_who_may_not_ask_is_refused_though_nothing_would_be_found(database: Database) -> None:
    await fill(database)
    async with database.reader() as session:
        with pytest.raises(ScopeUnbound):
            await GuildHeroService(session).where(id__in=[]).all()
        with pytest.raises(ScopeUnbound):
            await GuildHeroService(session).where().limit(0).count()
    with pytest.raises(SessionClosed):
        await GuildHeroService(session).where(id__in=[]).all()
