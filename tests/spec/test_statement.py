"""Statements are built once for a shape."""

from __future__ import annotations

from typing import Any

import pytest
from tests.guild import Hero, HeroService

from colonnade import Database
from colonnade.filters import conditions, lookups
from colonnade.ordering import term_of
from colonnade.query import load_paths
from colonnade.spec import Shape, Spec, counting, entities, existing
from colonnade.testing import count_statements

HERO: Any = Hero
BUILDERS = (entities, counting, existing)


def spec(order: tuple[str, ...] = (), load: tuple[str, ...] = (), **given: Any) -> Spec:
    terms = tuple(term_of(Hero, name) for name in order)
    shape = Shape(Hero, order=terms, load=load_paths(Hero, load))
    return Spec(shape).filtered(*lookups(Hero, given))


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
        return build(Spec(Shape(Hero)).where(conditions(Hero, (HERO.age > 3,), {})))

    assert ask() is not ask()
    assert str(ask()) == str(ask())


def test_statements_are_kept_for_so_many_shapes_and_no_more() -> None:
    from colonnade.spec import statement

    cache: Any = statement._entities_cached
    assert cache.cache_info().maxsize == 4096
    before = cache.cache_info().currsize
    for number in range(300):
        entities(spec(id=number, age__in=range(number)))
    assert cache.cache_info().currsize <= before + 1


def test_a_path_is_joined_once_for_conditions_and_order_together() -> None:
    statement = entities(
        spec(("team.name", "-team.city.name"), team__name="x", team__motto="y", team__id__gt=1)
    )
    text = str(statement)
    assert text.count("LEFT OUTER JOIN") == 2
    assert "ORDER BY" in text


def test_a_count_has_no_order_no_loads_and_no_join_that_does_not_filter() -> None:
    text = str(counting(spec(("team.name",), ("team", "mentor"), age=1).cut(limit=1, offset=1)))
    assert "JOIN" not in text
    assert "ORDER BY" not in text
    assert "LIMIT" not in text
    assert "OFFSET" not in text
    assert str(counting(spec(team__name="x"))).count("JOIN") == 1


def test_existing_asks_for_one_row_and_no_column() -> None:
    text = str(existing(spec(("team.name",), age=1)))
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
