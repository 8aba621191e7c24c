"""``Query`` and ``Projection`` as values: what they share, keep and refuse."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel
from tests.guild import Hero, HeroService, Seat

from colonnade import Database, Projection, Query
from colonnade.errors import InvalidOperand, NotFound, UnknownField
from colonnade.query import missing_row_error, parse_key, spec_of_key
from colonnade.testing import count_statements


class HeroRead(BaseModel):
    id: int


async def test_nothing_runs_until_a_verb_is_awaited(heroes: Database) -> None:
    async with heroes.reader() as session:
        with count_statements(heroes) as statements:
            query = HeroService(session).where(id=1).order_by("name").limit(3).load("team")
            projection = query.into(HeroRead).where(age__gte=0)
            assert isinstance(query, Query)
            assert isinstance(projection, Projection)
            assert isinstance(query.where(id=2), Query)
            assert isinstance(projection.limit(1).order_by("id").offset(0), Projection)
        statements.expect(0)


async def test_a_wrong_question_fails_where_it_is_written(heroes: Database) -> None:
    async with heroes.reader() as session:
        service = HeroService(session)
        with count_statements(heroes) as statements:
            for wrong in (
                lambda: service.where(nmae=1),
                lambda: service.where({"nmae": 1}),
                lambda: service.where().order_by("nmae"),
                lambda: service.where().load("nmae"),
                lambda: service.into(HeroRead).where(nmae=1),
                lambda: service.into(HeroRead).order_by("nmae"),
            ):
                with pytest.raises(UnknownField):
                    wrong()
        statements.expect(0)


async def test_a_bool_is_no_condition(heroes: Database) -> None:
    async with heroes.reader() as session:
        service = HeroService(session)
        for condition in (Hero.age is None, Hero.age is Hero.name):
            with pytest.raises(InvalidOperand, match="not a bool"):
                service.where(condition)
            with pytest.raises(InvalidOperand, match="not a bool"):
                service.into(HeroRead).where(condition)


async def test_into_and_where_go_in_any_order(heroes: Database) -> None:
    async with heroes.reader() as session:
        service = HeroService(session)
        one = await service.where(id__gt=9).into(HeroRead).order_by("-id").all()
        two = await service.into(HeroRead).order_by("-id").where(id__gt=9).all()
        assert one == two == [HeroRead(id=12), HeroRead(id=11), HeroRead(id=10)]
        assert await service.into(HeroRead).first() == HeroRead(id=1)
        assert await service.into(HeroRead).get(4) == HeroRead(id=4)
        assert await service.into(HeroRead).where(id=4).one_or_none() == HeroRead(id=4)


async def test_what_was_to_be_loaded_counts_for_nothing_in_a_schema(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where(id=1).load("missions", "powers", "team")
        with count_statements(heroes) as statements:
            await query.into(HeroRead).all()
        statements.expect(1)
        assert "JOIN" not in statements.statements[0]


def test_a_key_is_a_scalar_or_a_tuple() -> None:
    assert parse_key(Hero, 3) == parse_key(Hero, "3") == parse_key(Hero, (3,)) == (3,)
    assert parse_key(Seat, ("a", "2")) == ("a", 2)
    assert spec_of_key(Seat, ("a", 2)).parameters == {"v0": "a", "v1": 2}


@pytest.mark.parametrize(
    ("model", "key", "message"),
    [
        (Hero, (1, 2), "the key of Hero is id, not 2 values"),
        (Seat, "a", "the key of Seat is (hall, number), not 1 value"),
        (Seat, ["a", 1], "the key of Seat is (hall, number), not 1 value"),
        (Hero, None, "None is no key of Hero"),
        (Seat, ("a", None), "None is no key of Seat"),
        (Hero, "x", "id takes int, not this str"),
        (Hero, True, "id takes int, not this bool"),
    ],
)
def test_a_key_that_is_none_is_refused(model: Any, key: Any, message: str) -> None:
    with pytest.raises(InvalidOperand) as caught:
        parse_key(model, key)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("model", "key"), [(Hero, 2**64), (Hero, "-" + "9" * 20), (Seat, ("a", 2**63))]
)
def test_a_key_with_an_integer_that_no_column_holds_is_that_of_no_row(model: Any, key: Any) -> None:
    with pytest.raises(NotFound) as caught:
        parse_key(model, key)
    assert caught.value.keys == (key,)


def test_missing_keys_are_in_the_text_of_an_error_and_not_in_its_message() -> None:
    one, two = missing_row_error(Hero, (77,)), missing_row_error(Seat, (("secret", 1), ("b", 2)))
    assert one.message == "there is no Hero with this key"
    assert two.message == "there is no Seat with these keys"
    assert (two.model, two.fields, two.keys) == (
        "Seat",
        ("hall", "number"),
        (("secret", 1), ("b", 2)),
    )
    assert str(one) == "there is no Hero with this key: 77"
    assert str(two) == "there is no Seat with these keys: ('secret', 1), ('b', 2)"


def test_the_keys_that_an_error_shows_are_few_and_short_and_on_one_line() -> None:
    many = str(missing_row_error(Hero, tuple(range(5000))))
    assert many.endswith(": 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 4990 more")
    long = str(missing_row_error(Hero, ("a\nb" * 10_000,)))
    assert len(long) < 120
    assert "\n" not in long
