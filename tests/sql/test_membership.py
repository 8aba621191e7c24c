"""Lists: of every type, of any length, and what NULL and emptiness mean for them."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text
from tests.guild import Hero, HeroService
from tests.lexicon import Exotic, ThingService, Word, things

from colonnade import Database, any_of, not_
from colonnade.errors import InvalidOperand
from colonnade.filters import parse_lookups
from colonnade.spec import Shape, Spec, select_count, select_entities
from colonnade.testing import count_statements

HUNDRED_THOUSAND = 100_000
EVERYONE = list(range(1, 13))


async def ids(database: Database, *conditions: Any, **lookups: Any) -> list[int | None]:
    async with database.reader() as session:
        return [hero.id for hero in await HeroService(session).where(*conditions, **lookups).all()]


async def test_a_hundred_thousand_keys_are_one_statement(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session)
        with count_statements(heroes) as statements:
            assert await query.where(id__in=range(3, HUNDRED_THOUSAND)).count() == 10
            assert await query.where(id__not_in=range(3, HUNDRED_THOUSAND)).count() == 2
        statements.expect(2)


async def test_a_hundred_thousand_texts_are_one_statement(heroes: Database) -> None:
    names = [f"nobody's name {number}" for number in range(HUNDRED_THOUSAND)]
    async with heroes.reader() as session:
        query = HeroService(session)
        assert await query.where(name__in=[*names, "Ann", "ANN"]).count() == 1
        assert await query.where(name__not_in=[*names, "Ann", "ANN"]).count() == 11


def test_a_list_of_any_length_is_one_statement() -> None:
    def statement(count: int) -> Any:
        return select_entities(
            Spec(Shape(Hero)).filtered(*parse_lookups(Hero, {"id__in": range(count)}))
        )

    assert statement(0) is statement(1) is statement(1_000)


async def test_of_no_values_none_is_found_and_every_row_is_not_one(heroes: Database) -> None:
    for field in ("id", "age", "name", "seen", "badge", "fee"):
        assert await ids(heroes, **{f"{field}__in": []}) == []
        assert await ids(heroes, **{f"{field}__not_in": []}) == EVERYONE
        assert await ids(heroes, not_({f"{field}__in": []})) == EVERYONE


async def test_a_null_is_not_among_values_nor_is_it_not_among_them(heroes: Database) -> None:
    known = await ids(heroes, age__isnull=False)
    assert len(known) < len(EVERYONE)
    assert await ids(heroes, age__not_in=[99]) == known
    assert await ids(heroes, not_(age__in=[99])) == known
    assert await ids(heroes, not_(age__not_in=[99])) == []


async def test_a_list_stands_in_any_tree_and_path(heroes: Database) -> None:
    assert await ids(heroes, any_of(id__in=[3], name__in=["Ann", "ann"])) == [1, 2, 3]
    assert await ids(heroes, missions__year__in=[2021, 2022]) == [1, 2]
    assert await ids(heroes, missions__place__name__not_in=[]) == [1, 2, 7]
    assert await ids(heroes, team__name__not_in=[]) == EVERYONE


async def test_floats_and_bytes_travel_exactly(lexicon: Database) -> None:
    async with lexicon.reader() as session:
        query = ThingService(session)
        for field in ("ratio", "raw", "price", "big"):
            for thing in things():
                if field in thing:
                    found = await query.where({f"{field}__in": [thing[field]]}).all()
                    assert [getattr(item, field) for item in found] == [thing[field]]


async def test_a_text_listed_may_hold_what_json_escapes(heroes: Database) -> None:
    names = ["back\\slash", "it's", '"q"', "😀", "\u2028", "\x01"]
    assert await ids(heroes, name__in=names) == [8, 9, 10, 11]


def test_values_of_an_unknown_type_are_bound_one_by_one_and_fewer() -> None:
    assert parse_lookups(Exotic, {"mystery__in": [1, "a"]})[1] == ([1, "a"],)
    with pytest.raises(InvalidOperand, match="at most 30000 values"):
        parse_lookups(Exotic, {"mystery__in": range(30_001)})


async def test_operators_use_the_index_where_they_can(lexicon: Database) -> None:
    if lexicon.engine.dialect.name != "sqlite":
        pytest.skip("the others read so few rows without one")
    async with lexicon.engine.connect() as connection:
        await connection.execute(text("CREATE INDEX word_text ON word (text)"))
        for asked in (
            {"text": "a"},
            {"text__in": ["a", "b"]},
            {"text__startswith": "a"},
            {"text__like": "a%"},
            {"text__between": ("a", "b")},
        ):
            spec = Spec(Shape(Word)).filtered(*parse_lookups(Word, asked))
            statement = select_count(spec).compile(dialect=lexicon.engine.dialect)
            bound = statement.construct_params(spec.parameters)
            values = [_sent(statement, name, bound[name]) for name in statement.positiontup]
            plan = await connection.exec_driver_sql(
                f"EXPLAIN QUERY PLAN {statement}", tuple(values)
            )
            assert any("SEARCH" in row[3] for row in plan), asked
        await connection.rollback()


def _sent(statement: Any, name: str, value: Any) -> Any:
    process = statement._bind_processors.get(name)
    return value if process is None else process(value)
