from decimal import Decimal, localcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import (
    Column,
    MetaData,
    Numeric,
    Table,
    Text,
    bindparam,
    func,
    insert,
    literal,
    select,
)
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from colonnade.database import Database
from colonnade.errors import DatabaseError, InvalidMapping, InvalidValue, UsageError
from colonnade.models import ExactDecimal, IntegerKey

D = Decimal
DIALECTS = [sqlite.dialect(), postgresql.dialect(), mysql.dialect()]


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Item(IntegerKey, Base, table=True):
    price: D | None = Field(default=None, sa_type=ExactDecimal(10, 2))  # type: ignore[call-overload]
    rate: D = Field(default=D("0.0725"), sa_type=ExactDecimal(10, 4))  # type: ignore[call-overload]
    big: D = Field(default=D(0), sa_type=ExactDecimal(18, 2))  # type: ignore[call-overload]
    quantity: int = 3


ITEMS: Any = Item.__table__
price, rate, big, quantity = ITEMS.c.price, ITEMS.c.rate, ITEMS.c.big, ITEMS.c.quantity


async def _saved(db: Database, *prices: str | None) -> None:
    async with db.session() as session:
        session.add_all([Item(price=D(text) if text else None) for text in prices])


async def _one(db: Database, *expressions: Any) -> Any:
    async with db.engine.connect() as connection:
        return tuple((await connection.execute(select(*expressions))).one())


async def test_decimals_are_not_rounded_on_any_database(db: Database) -> None:
    exact = D("9007199254740993.01")
    async with db.session() as session:
        session.add(Item(price=D("0.10"), big=exact))
    async with db.session() as session:
        item = await session.get_one(Item, 1)
        assert (item.price, item.rate, item.big) == (D("0.10"), D("0.0725"), exact)
        assert str(item.price) == "0.10"


async def test_order_and_comparison_go_by_number(db: Database) -> None:
    await _saved(db, "10.00", "9.50", "-1.25", "100", None)
    async with db.engine.connect() as connection:
        ordered = await connection.execute(select(price).where(price.is_not(None)).order_by(price))
        assert ordered.scalars().all() == [D("-1.25"), D("9.50"), D(10), D(100)]
        for condition, expected in [
            (price > D("9.5"), 2),
            (price >= D("9.50"), 3),
            (price < 10, 2),
            (D(10) <= price, 2),
            (price == D("10.0"), 1),
            (price != 10, 3),
            (price.in_([D("9.5"), 100]), 2),
            (price.not_in([10]), 3),
            (price.between(D("9.5"), D(10)), 2),
            (price.is_(None), 1),
            (price.is_distinct_from(D(10)), 4),
            (price > bindparam("least", D(10)), 1),
            (price > quantity, 3),
            (price > rate, 3),
            (price.in_([quantity, D(100)]), 1),
            (price.in_(select(price).where(price > 50)), 1),
            (price.in_(select(rate)), 0),
            (price > bindparam("other", 10), 1),
            (price > bindparam("typed", D(10), price.type), 1),
            (price == select(func.max(price)).scalar_subquery(), 1),
            (price > 10**12, 0),
        ]:
            found = await connection.execute(select(func.count()).where(condition))
            assert found.scalar_one() == expected, str(condition)


async def test_sums_and_products_are_exact(db: Database) -> None:
    await _saved(db, "1.10", "2.20")
    row = await _one(db, func.sum(price), func.max(price), func.avg(price, type_=price.type))
    assert row == (D("3.30"), D("2.20"), D("1.65"))


async def test_arithmetic_with_literals_and_columns_is_exact(db: Database) -> None:
    await _saved(db, "1.10")
    for expression, expected in [
        (price + 1, "2.10"),
        (price + D("0.25"), "1.35"),
        (1 + price, "2.10"),
        (D("2.5") - price, "1.40"),
        (price - D("2.5"), "-1.40"),
        (-price, "-1.10"),
        (price * 3, "3.30"),
        (3 * price, "3.30"),
        (price * D("1.5"), "1.65"),
        (D("0.333") * price, "0.3663"),
        (price * quantity, "3.30"),
        (quantity * price, "3.30"),
        (price + quantity, "4.10"),
        (price + rate, "1.1725"),
        (rate - price, "-1.0275"),
        (price * rate, "0.079750"),
        ((price + 1) * D("0.5") - rate, "0.9775"),
        (func.sum(price) * 2, "2.20"),
        (func.sum(price * quantity), "3.30"),
    ]:
        (result,) = await _one(db, expression)
        assert result == D(expected), str(expression)
        assert isinstance(result, D)


async def test_a_literal_in_the_text_of_a_statement_counts_the_same(db: Database) -> None:
    await _saved(db, "1.10", "9.99")
    query = select(ITEMS.c.id).where(price == D("9.99"))
    text = str(query.compile(dialect=db.engine.dialect, compile_kwargs={"literal_binds": True}))
    async with db.engine.connect() as connection:
        assert len((await connection.exec_driver_sql(text)).all()) == 1


async def test_a_core_insert_and_null_go_through(db: Database) -> None:
    async with db.engine.begin() as connection:
        await connection.execute(insert(ITEMS).values(price=None, rate=2, big=D("1e3"), quantity=1))
    assert await _one(db, price, rate, big) == (None, D(2), D(1000))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (D("1.005"), "after the point"),
        (D(123456789), "before the point"),
        (D("1e999999"), "before the point"),
        (D("1e-999999"), "after the point"),
        (D("NaN"), "NaN"),
        (D("Infinity"), "Infinity"),
        (1.5, "float"),
        ("1.50", "str"),
        (True, "bool"),
    ],
)
def test_what_does_not_fit_is_refused_instead_of_rounded(wrong: Any, told: str) -> None:
    for dialect in DIALECTS:
        with pytest.raises(InvalidValue, match=told):
            ExactDecimal(10, 2).process_bind_param(wrong, dialect)


async def test_a_value_that_does_not_fit_fails_the_write(db: Database) -> None:
    with pytest.raises((DatabaseError, StatementError), match="after the point"):
        await _saved(db, "1.005")


def test_an_operator_without_an_exact_result_is_refused() -> None:
    for build in [
        lambda: price / 2,
        lambda: 2 / price,
        lambda: price // 2,
        lambda: price % 2,
        lambda: price.like("1%"),
        lambda: price * 1.5,
        lambda: price * D("NaN"),
        lambda: price * True,
        lambda: price * Table("t", MetaData(), Column("n", Numeric())).c.n,
        lambda: price > literal("x", Text()),
        lambda: big * D("1e-17"),
        lambda: rate.in_(select(price)),
    ]:
        with pytest.raises(UsageError, match="not exact everywhere"):
            build()


def test_more_digits_than_every_database_keeps_are_refused() -> None:
    for precision, scale in [(19, 2), (0, 0), (5, 6), (5, -1)]:
        with pytest.raises(InvalidMapping, match="cannot be kept exactly"):
            ExactDecimal(precision, scale)


def test_the_type_prints_as_it_is_written_and_caches_by_its_digits() -> None:
    again = eval(repr(ExactDecimal(10, 2)))  # what a migration does with it
    assert (again.precision, again.scale) == (10, 2)
    assert ExactDecimal(10, 2)._static_cache_key == again._static_cache_key
    assert ExactDecimal(10, 2)._static_cache_key != ExactDecimal(10, 3)._static_cache_key


@given(st.integers(min_value=-(10**18) + 1, max_value=10**18 - 1), st.integers(0, 18))
def test_every_value_that_fits_comes_back_whatever_the_context(units: int, scale: int) -> None:
    kind = ExactDecimal(18, scale)
    value = D((units < 0, [int(digit) for digit in str(abs(units))], -scale))
    with localcontext(prec=3):
        for dialect in DIALECTS:
            sent = kind.process_bind_param(value, dialect)
            back = kind.process_result_value(sent, dialect)
            assert back is not None
            assert back.compare_total(value) == 0 or (units == 0 and back == 0)
    assert kind.process_bind_param(value, DIALECTS[0]) == units
