"""Statements are built once for a shape."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy.dialects import postgresql
from tests.guild import Hero, HeroService

from colonnade import Database
from colonnade.filters import any_of, parse_lookups
from colonnade.filters import parse_conditions as conditions_of
from colonnade.ordering import sort_key_of
from colonnade.query import resolve_load_paths
from colonnade.spec import STATEMENTS, Shape, Spec, select_count, select_entities, select_existence
from colonnade.spec.memory import weight_of
from colonnade.testing import count_statements

HERO: Any = Hero
BUILDERS = (select_entities, select_count, select_existence)


def spec(order: tuple[str, ...] = (), load: tuple[str, ...] = (), **given: Any) -> Spec:
    terms = tuple(sort_key_of(Hero, name) for name in order)
    shape = Shape(Hero, order=terms, load=resolve_load_paths(Hero, load))
    return Spec(shape).filtered(*parse_lookups(Hero, given))


@pytest.mark.parametrize("build", BUILDERS)
def test_one_shape_has_one_statement_whatever_its_values(build: Any) -> None:
    def ask(number: int) -> Any:
        return build(
            spec(
                ("-age", "team.name"),
                ("team", "missions.place"),
                age__gt=number,
                id__in=range(number),
                team__name=str(number),
                powers__name="x" * number,
            ).cut(limit=5, offset=number)
        )

    assert ask(1) is ask(2) is ask(50)


@pytest.mark.parametrize("build", BUILDERS)
def test_an_expression_makes_a_statement_of_its_own(build: Any) -> None:
    def ask() -> Any:
        return build(Spec(Shape(Hero)).where(conditions_of(Hero, (HERO.age > 3,), {})))

    assert ask() is not ask()
    assert str(ask()) == str(ask())


def test_the_number_of_rows_is_no_part_of_a_statement_unless_it_is_a_usual_one() -> None:
    def ask(rows: int) -> Any:
        return select_entities(spec(age=1).cut(limit=rows))

    assert ask(37) is ask(38) is ask(1024)
    assert ask(1025) is ask(10**15)
    texts = {str(ask(rows).compile(dialect=postgresql.asyncpg.dialect())) for rows in (37, 1025)}
    assert len(texts) == 2  # a plan that is kept for all rows must not serve pages
    assert "LIMIT 20" in str(ask(20))
    assert ask(20) is not ask(21)
    assert spec().cut(limit=37).parameters == {"limit": 37}
    assert spec().cut(limit=20).parameters == {}


@pytest.mark.parametrize("rows", [0, 1, 2, 4, 37, 2_000, 2**40])
async def test_a_limit_counts_whether_it_is_bound_or_not(heroes: Database, rows: int) -> None:
    async with heroes.reader() as session:
        service = HeroService(session)
        everyone = [hero.id for hero in await service.where().order_by("id").all()]
        few = service.where().order_by("id").limit(rows)
        assert [hero.id for hero in await few.all()] == everyone[:rows]
        assert [hero.id for hero in await few.offset(3).all()] == everyone[3:][:rows]
        assert await few.exists() is (rows > 0)
        assert await few.count() == len(everyone[:rows])
        assert await few.offset(3).count() == len(everyone[3:][:rows])


def test_a_shape_with_very_many_conditions_is_not_kept() -> None:
    def ask(conditions: int) -> Any:
        tree = any_of(*({"age": place} for place in range(conditions)))
        return select_entities(spec().where(conditions_of(Hero, (tree,), {})))

    assert ask(100) is ask(100)
    kept = STATEMENTS.weight
    assert ask(5_000) is not ask(5_000)
    assert STATEMENTS.weight == kept


def test_an_expression_is_never_kept() -> None:
    asked = Spec(Shape(Hero)).where(conditions_of(Hero, (HERO.age > 3,), {}))
    assert weight_of((asked.shape,))[0] > weight_of((spec(age__gt=3).shape,))[0] + 100


def test_a_path_is_joined_once_for_conditions_and_order_together() -> None:
    statement = select_entities(
        spec(("team.name", "-team.city.name"), team__name="x", team__motto="y", team__id__gt=1)
    )
    text = str(statement)
    assert text.count("LEFT OUTER JOIN") == 2
    assert "ORDER BY" in text


def test_a_count_has_no_order_no_loads_and_no_join_that_does_not_filter() -> None:
    text = str(select_count(spec(("team.name",), ("team", "mentor"), age=1)))
    assert "JOIN" not in text
    assert "ORDER BY" not in text
    assert "LIMIT" not in text
    assert "OFFSET" not in text
    assert str(select_count(spec(team__name="x"))).count("JOIN") == 1


def test_a_count_of_what_is_cut_counts_within_the_cut() -> None:
    text = " ".join(str(select_count(spec(("team.name",), age=1).cut(limit=5, offset=1))).split())
    assert re.fullmatch(
        r"SELECT count\(\*\) .*FROM \(SELECT 1 .* LIMIT 5 OFFSET \S+\) AS \S+", text
    )
    assert "JOIN" not in text
    assert "ORDER BY" not in text


def test_existing_asks_for_one_row_and_no_column() -> None:
    text = str(select_existence(spec(("team.name",), age=1)))
    assert text.startswith("SELECT 1")
    assert "ORDER BY" not in text
    assert "LIMIT" in text


async def test_a_statement_can_be_looked_at_and_run_elsewhere(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where(id__in=[3, 5], name__ne="x").order_by("-id").limit(1)
        statement = query.statement()
        assert query.statement() is not statement
        with count_statements(heroes) as statements:
            assert [hero.id for hero in (await session.scalars(statement)).all()] == [5]
            more = statement.where(HERO.id < 5)
            assert [hero.id for hero in (await session.scalars(more)).all()] == [3]
        statements.expect(2)
