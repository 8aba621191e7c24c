"""SQLAlchemy's expressions among lookups."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import ColumnElement, exists, func, select, text
from sqlalchemy.orm import aliased
from tests.guild import Hero, HeroService, Mission, Power, Team

from colonnade import Database
from colonnade.errors import InvalidOperand
from colonnade.filters import coerce_expression
from colonnade.mapping import with_article

MISSION: Any = Mission
HERO: Any = Hero


@pytest.mark.parametrize("condition", [True, False, None, 1, "name = 'x'", ("a", 1), text("1=1")])
def test_what_is_no_expression_is_refused_by_type(condition: Any) -> None:
    with pytest.raises(InvalidOperand) as caught:
        coerce_expression(Hero, condition)
    assert caught.value.message == (
        "a condition is a lookup or an SQL expression, "
        f"not {with_article(type(condition).__name__)}"
    )
    assert caught.value.hint is not None


@pytest.mark.parametrize(
    "condition",
    [
        HERO.age > 3,
        HERO.active,
        HERO.name.in_(["x"]),
        func.lower(HERO.name) == "x",
        HERO.powers.any(Power.name == "fly"),
        HERO.team.has(Team.name == "x"),
        exists().where(MISSION.hero_id == HERO.id),
        HERO.id.in_(select(MISSION.hero_id)),
    ],
    ids=str,
)
def test_an_expression_on_the_models_own_columns_is_taken(condition: Any) -> None:
    assert isinstance(coerce_expression(Hero, condition), ColumnElement)


@pytest.mark.parametrize("condition", [Team.name == "x", Mission.done, aliased(HERO).age > 3])
def test_an_expression_on_another_table_would_multiply_rows_and_is_refused(condition: Any) -> None:
    with pytest.raises(InvalidOperand, match="which the query does not join") as caught:
        coerce_expression(Hero, condition)
    assert caught.value.model == "Hero"


async def test_expressions_mappings_and_lookups_mix(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where(
            HERO.age >= 1, {"age__lt": 5}, HERO.missions.any(), team__name="Avengers", id__gt=0
        )
        assert [hero.id for hero in await query.all()] == [7]
        assert await query.count() == 1
        assert await query.exists()
        assert (await query.page(1, size=1)).total == 1
        assert await query.where(HERO.age > 100).all() == []
