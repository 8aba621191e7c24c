"""Values of every type, at the ends of their ranges, beside plain Python, on every database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from functools import partial
from operator import eq
from typing import Any

import pytest
from sqlalchemy import CHAR, Column, DateTime, MetaData, Numeric
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel
from tests.lexicon import EDGES, Colour, Exotic, Level, Thing, ThingService, things

from colonnade import Database, ServiceBase
from colonnade.errors import InvalidOperand, UnknownOperator
from colonnade.filters import parse_lookups
from colonnade.models import ExactDecimal, IntegerKey

EAST, WEST = timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))

THINGS = things()
ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "gt": lambda value, operand: value > operand,
    "gte": lambda value, operand: value >= operand,
    "lt": lambda value, operand: value < operand,
    "lte": lambda value, operand: value <= operand,
}
UNORDERED = ("flag", "level", "colour", "data", "tree", "label")
EQUATED = [name for name in EDGES if name not in ("data", "tree")]


async def ids(database: Database, **lookups: Any) -> list[int | None]:
    async with database.reader() as session:
        return [thing.id for thing in await ThingService(session).where(**lookups).all()]


def expected(name: str, holds: Callable[[Any], bool]) -> list[int]:
    return [
        number
        for number, thing in enumerate(THINGS, start=1)
        if thing.get(name) is not None and holds(thing[name])
    ]


@pytest.mark.parametrize("name", EQUATED)
async def test_every_type_is_found_by_its_value(lexicon: Database, name: str) -> None:
    edges = EDGES[name]
    for edge in edges:
        assert await ids(lexicon, **{name: edge}) == expected(name, partial(eq, edge)), edge
    some = edges[:2]
    assert await ids(lexicon, **{f"{name}__ne": edges[0]}) == expected(
        name, lambda v: v != edges[0]
    )
    assert await ids(lexicon, **{f"{name}__in": some}) == expected(name, lambda v: v in some)
    assert await ids(lexicon, **{f"{name}__in": edges}) == expected(name, lambda v: True)
    assert await ids(lexicon, **{f"{name}__not_in": some}) == expected(
        name, lambda v: v not in some
    )
    assert len(await ids(lexicon, **{f"{name}__isnull": True})) == len(THINGS) - len(edges)


@pytest.mark.parametrize("name", [name for name in EQUATED if name not in UNORDERED])
async def test_every_type_with_an_order_is_compared_in_it(lexicon: Database, name: str) -> None:
    edges = EDGES[name]
    for edge in edges:
        for operator, holds in ORDER.items():
            found = await ids(lexicon, **{f"{name}__{operator}": edge})
            assert found == expected(name, lambda v, h=holds, e=edge: h(v, e)), (operator, edge)
    low, high = edges[0], edges[-2]
    found = await ids(lexicon, **{f"{name}__between": (low, high)})
    assert found == expected(name, lambda v: low <= v <= high)
    assert await ids(lexicon, **{f"{name}__between": [high, low]}) == (
        [] if low < high else expected(name, lambda v: v == low)
    )


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("big", Colour.RED, ""),
        ("label", Level.LOW, ""),
        ("big", 2**63, "an integer has at most 64 bits"),
        ("whole", -(2**63) - 1, "an integer has at most 64 bits"),
        ("ratio", float("nan"), "NaN and Infinity are not compared the same everywhere"),
        ("ratio__lt", float("inf"), "NaN and Infinity are not compared the same everywhere"),
        ("ratio__in", [1.0, float("-inf")], "NaN and Infinity are not compared the same"),
        ("price", Decimal("NaN"), "NaN and Infinity are not compared the same"),
        ("price", Decimal("1.001"), "round the value on purpose, with Decimal.quantize"),
        ("price__gt", Decimal("1E+30"), "more digits before the point than ExactDecimal(18, 2)"),
        ("amount", Decimal("sNaN"), "NaN and Infinity are not compared the same"),
        ("amount__lt", Decimal("1E+999999"), "a decimal has at most 80 digits on either side"),
        ("amount", Decimal("1E-999999"), "a decimal has at most 80 digits on either side"),
        ("label", "a\0b", "the character NUL is in no text"),
        ("label__contains", "a\0b", "the character NUL is in no text"),
        ("label", "\udfff", "half a surrogate pair is no character"),
        ("label", "x" * 1_000_001, "a comparison takes at most 1000000 letters or bytes"),
        ("raw", b"x" * 1_000_001, "a comparison takes at most 1000000 letters or bytes"),
        ("moment", datetime(2024, 1, 1), "a naive datetime does not say which moment it means"),  # noqa: DTZ001
        ("zoned__lt", "2024-01-01T00:00:00", "a naive datetime does not say which moment it means"),
        ("wall", datetime(2024, 1, 1, tzinfo=UTC), "the column has no time zone: hand in a naive"),
        ("hour", time(1, tzinfo=UTC), "the column has no time zone: hand in a naive time"),
        ("moment", datetime(1, 1, 1, tzinfo=EAST), "in UTC this is beyond the calendar"),
        ("moment", datetime(9999, 12, 31, 23, tzinfo=WEST), "in UTC this is beyond the calendar"),
        ("span", timedelta.max, "databases without intervals count one from 1970"),
        ("span__gte", timedelta.min, "databases without intervals count one from 1970"),
        ("level", 2, "Input should be 1 or 10"),
        ("colour", "RED", "Input should be 'rouge' or 'bleu'"),
        ("state", "gone", "use one of 'open', 'shut'"),
        ("mood", "grim", "Input should be one of 'gay', 'sad'"),
        ("small", 2**15, "the column holds integers of 16 bits"),
        ("tags", ["a", None], "Input should be a valid string"),
        ("tags__includes", ["a\0"], "the character NUL is in no text"),
        ("scores__overlap", [2**31], "the column holds integers of 32 bits"),
        ("scores__overlap", [[1], [None]], "None is never equal to anything, in an array either"),
    ],
)
def test_what_a_database_would_round_cut_or_misread_is_refused(
    name: str, value: Any, hint: str
) -> None:
    model = Thing if name.partition("__")[0] in EDGES else Exotic
    with pytest.raises(InvalidOperand) as caught:
        parse_lookups(model, {name: value})
    assert caught.value.fields == (name,)
    assert (caught.value.hint or "").startswith(hint)


def test_what_is_merely_out_of_range_is_an_honest_question() -> None:
    assert parse_lookups(Thing, {"tiny": 2**40, "whole__lt": 2**40})[1] == (2**40, 2**40)
    assert parse_lookups(Exotic, {"amount": Decimal("1E+3")})[1] == (Decimal(1000),)


async def test_a_number_too_large_for_the_column_is_answered(lexicon: Database) -> None:
    for name in ("tiny", "whole"):
        everything = expected(name, lambda v: True)
        assert await ids(lexicon, **{name: 2**40}) == []
        assert await ids(lexicon, **{f"{name}__lt": 2**40}) == everything
        assert await ids(lexicon, **{f"{name}__between": (-(2**63), 2**63 - 1)}) == everything
        assert await ids(lexicon, **{f"{name}__in": [7, 2**40]}) == expected(name, lambda v: v == 7)
        assert await ids(lexicon, **{f"{name}__not_in": [2**40]}) == everything


async def test_a_moment_is_compared_in_any_zone_and_a_date_at_the_calendars_ends(
    lexicon: Database,
) -> None:
    moment = EDGES["moment"][1]
    assert await ids(lexicon, moment=moment.astimezone(EAST)) == [2]
    assert await ids(lexicon, zoned__gte=EDGES["zoned"][1].astimezone(WEST)) == [2]
    assert await ids(lexicon, day__gt=date.min) == [1, 2, 3, 4]
    assert await ids(lexicon, wall__gt="0001-01-01", wall__lt="9999-12-31T23:59:59") == [1, 2]
    beyond = datetime.min.replace(tzinfo=UTC)
    assert await ids(lexicon, moment__gt=beyond) == await ids(lexicon, moment__ne=beyond) == [1, 2]


async def test_is_tells_true_false_and_null_apart(lexicon: Database) -> None:
    others = list(range(3, len(THINGS) + 1))
    assert await ids(lexicon, flag__is=True) == [1]
    assert await ids(lexicon, flag__is=False) == [2]
    assert await ids(lexicon, flag__is=None) == await ids(lexicon, flag=None) == others
    assert await ids(lexicon, flag__is_not=True) == [2, *others]
    assert await ids(lexicon, flag__is_not=False) == [1, *others]
    assert await ids(lexicon, flag__is_not=None) == [1, 2]


@pytest.mark.parametrize("value", [1, "true", [], 0.0])
def test_is_takes_a_bool_or_none(value: Any) -> None:
    with pytest.raises(InvalidOperand) as caught:
        parse_lookups(Thing, {"flag__is": value})
    assert caught.value.message == (
        f"flag__is takes None, True or False, not {type(value).__name__}"
    )


@pytest.mark.parametrize("value", [(1,), (1, 2, 3), {1, 2}, {1: 2, 3: 4}, 1, None, "12", (1, None)])
def test_between_takes_exactly_a_pair(value: Any) -> None:
    with pytest.raises(InvalidOperand):
        parse_lookups(Thing, {"whole__between": value})


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("flag__gt", "what has an order, and flag is a boolean"),
        ("level__gte", "what has an order, and level is an enum, whose order"),
        ("colour__between", "what has an order, and colour is an enum, whose order"),
        ("data__lt", "what has an order, and data is JSON"),
        ("tree", "what can be told equal, and tree is JSON"),
        ("whole__is", "booleans, and whole is an integer"),
        ("whole__match", None),
        ("label__has_key", "JSON, and label is a text"),
        ("label__overlap", "arrays, and label is a text"),
        ("level__contains", "text, and level is an enum"),
    ],
)
def test_an_operator_that_would_lie_is_refused_with_those_that_fit(
    name: str, why: str | None
) -> None:
    with pytest.raises(UnknownOperator) as caught:
        parse_lookups(Thing, {name: True})
    assert why is None or f"is for {why}" in caught.value.message
    assert "isnull" in (caught.value.hint or "")


class Bounds(SQLModel, registry=registry(metadata=MetaData())):
    pass


SECONDS = DateTime().with_variant(TIMESTAMP(precision=0), "postgresql")


class Narrow(IntegerKey, Bounds, table=True):
    """Columns to whose bounds a cast would cut or round what it is compared with."""

    amount: Decimal | None = Field(default=None, sa_column=Column(Numeric(10, 2)))
    word: str | None = Field(default=None, max_length=3)
    code: str | None = Field(default=None, sa_column=Column(CHAR(3)))
    price: Decimal | None = Field(default=None, sa_type=ExactDecimal(6, 2))
    second: datetime | None = Field(
        default=None,
        sa_column=Column(DateTime().with_variant(TIMESTAMP(precision=0), "postgresql")),
    )


class NarrowService(ServiceBase[Narrow, Narrow, Narrow]):
    pass


@pytest.mark.filterwarnings("ignore:Dialect sqlite.* does .not. support Decimal")
async def test_what_is_longer_or_finer_than_a_column_is_not_cut_to_fit_it(
    database: Database,
) -> None:
    async with database.engine.begin() as connection:
        await connection.run_sync(Bounds.metadata.create_all)
    row = {"amount": Decimal("1.01"), "word": "abc", "code": "abc", "price": Decimal("1.01")}
    second = datetime(2024, 1, 1, 0, 0, 1)  # noqa: DTZ001 # the column has no zone
    longer = {
        "amount": [Decimal("1.009"), Decimal("1.014"), Decimal("1E+40")],
        "word": ["abcd", "ab"],
        "code": ["abcd", "ab"],
        "second": [second.replace(microsecond=300_000)],
        "price": [Decimal("12345678.01")],
    }
    async with database.session() as session:
        narrow = NarrowService(session)
        await narrow.create({**row, "second": second})
        for name, values in longer.items():
            right = {**row, "second": second}[name]
            assert await narrow.where({f"{name}__in": [right]}).count() == 1
            assert await narrow.where({name: right}).count() == 1
            assert await narrow.where({f"{name}__in": values}).count() == 0
            assert await narrow.where({f"{name}__not_in": values}).count() == 1
            for value in values:
                assert await narrow.where({name: value}).count() == 0, (name, value)
                assert await narrow.where({f"{name}__ne": value}).count() == 1
        assert await narrow.where(amount__lt=Decimal("1.014"), amount__gt=Decimal("1.009")).exists()
        assert await narrow.where(amount__between=(Decimal("1.0051"), Decimal("1E+60"))).exists()
