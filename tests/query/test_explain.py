"""What a database says of how it would answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel
from tests.guild import Hero, HeroService

from colonnade import Database, any_of
from colonnade.errors import UsageError
from colonnade.testing import count_statements

HERO: Any = Hero


class TeamRead(BaseModel):
    name: str


class PowerRead(BaseModel):
    name: str


class HeroRead(BaseModel):
    name: str
    fee: float | None
    team: TeamRead | None
    powers: list[PowerRead]


async def test_a_plan_is_the_databases_own_words(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where(
            any_of(name__icontains="a", age__in=[1, 2]), team__name="League", id__lt=5
        )
        with count_statements(heroes) as statements:
            plan = await query.explain()
        statements.expect(1)
        assert statements.statements[0].startswith("EXPLAIN")
        assert "hero" in plan
        assert "team" in plan
        if session.family == "mysql":
            assert json.loads(plan)


async def test_a_plan_is_read_whatever_columns_are_asked_for(heroes: Database) -> None:
    """The rows of a plan are not the question's, though their number may be the same."""

    class FeeRead(BaseModel):
        fee: float | None

    async with heroes.reader() as session:
        projection = HeroService(session).where(id=1).into(FeeRead)
        assert "hero" in await projection.explain()
        assert "FeeRead from Hero: 1 statement" in await projection.explain()


async def test_what_else_is_read_is_told(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where(id=1)
        plan = await query.load("powers", "team.city", "missions.place").explain()
        assert "and a statement of its own for powers" in plan
        assert "team.city" not in plan
        assert "PowerRead" in await query.into(HeroRead).explain()
        assert "2 statements" in await query.into(HeroRead).explain()


async def test_the_index_that_is_missing_is_named(heroes: Database) -> None:
    async with heroes.reader() as session:
        hero = HeroService(session)
        advice = 'declare one with scroll_index(Hero, "-age")'
        assert advice in await hero.where(name="Ann").order_by("-age").explain()
        assert advice in await hero.into(HeroRead).order_by("-age").explain()
        # What has one value only needs no sorting.
        assert advice not in await hero.where(age=3).order_by("-age").explain()
        assert advice not in await hero.where({"age": None}, id=3).order_by("-age").explain()
        assert advice in await hero.where(any_of(age=3, id=1)).order_by("-age").explain()
        assert "scroll_index" not in await hero.where().explain()


async def test_a_plan_may_say_what_running_the_select_took(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where(team__name="League")
        if session.family == "sqlite":
            with pytest.raises(UsageError, match="leave out analyze"):
                await query.explain(analyze=True)
            return
        plan = await query.explain(analyze=True)
        assert ("actual" if session.family == "postgresql" else "r_rows") in plan
        assert "hero" in await query.into(HeroRead).explain(analyze=True)


async def test_nothing_is_locked_or_written_for_a_plan(guild: Database) -> None:
    async with guild.session() as session:
        query = HeroService(session).where(HERO.age > 3, name="x").limit(3).offset(1)
        with count_statements(guild) as statements:
            await query.lock().explain()
        statements.expect(1)
        assert statements.statements[0].startswith("EXPLAIN")
