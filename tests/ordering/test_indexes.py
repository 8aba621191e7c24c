"""Indexes that serve an order: declared from its names, and missed when they are not there."""

from __future__ import annotations

from typing import Any, Optional

import pytest
from sqlalchemy import Index, MetaData, UniqueConstraint, func, inspect, text
from sqlalchemy.orm import registry
from sqlmodel import Field, Relationship, SQLModel

from colonnade import Database, errors, scroll_index
from colonnade.ordering import missing_index, sort_keys_of


def build() -> Any:
    """A model without an index, whose other side is declared by nobody yet."""

    class Base(SQLModel, registry=registry(metadata=MetaData())):
        pass

    class Leg(Base, table=True):
        __table_args__ = (UniqueConstraint("carrier", "number", name="uq_leg"),)
        id: int | None = Field(default=None, primary_key=True)
        carrier: str = Field(max_length=10)
        number: int
        code: str | None = Field(default=None, unique=True, max_length=10)
        distance: int = 0
        delay: int | None = None

    return Leg


@pytest.fixture
def leg() -> Any:
    return build()


def missing(model: Any, *names: str, **options: Any) -> str | None:
    return missing_index(model, sort_keys_of(model, names), **options)


def columns(index: Index) -> list[str]:
    return [str(part).removeprefix("leg.") for part in index.expressions]


def test_an_index_closes_with_the_key_as_the_order_does(leg: Any) -> None:
    assert missing(leg, "-distance", "delay") == (
        "no index of leg serves this order; "
        'declare one with scroll_index(Leg, "-distance", "delay")'
    )
    index = scroll_index(leg, "-distance", "delay")
    assert columns(index) == ["distance DESC", "delay", "id"]
    assert index.name == "ix_leg_distance_desc_delay_id"
    assert index in leg.__table__.indexes
    assert missing(leg, "-distance", "delay") is None
    # Read from its end.
    assert missing(leg, "distance", "-delay") is None
    assert missing(leg, "distance", "delay") is not None
    assert missing(leg, "-distance", "delay", "-id") is not None


def test_an_order_that_goes_one_way_takes_a_plain_index(leg: Any) -> None:
    index = scroll_index(leg, "-distance", "-delay", name="far")
    assert (columns(index), index.name) == (["distance", "delay", "id"], "far")
    assert missing(leg, "-distance", "-delay") is None
    assert missing(leg, "distance", "delay") is None


def test_an_index_that_serves_already_is_not_declared_again(leg: Any) -> None:
    index = scroll_index(leg, "distance")
    assert scroll_index(leg, "-distance") is index
    assert scroll_index(leg, "distance", "id") is index
    assert scroll_index(leg, "distance", "-id") is not index


def test_a_name_that_a_database_would_cut_is_shortened_and_stays_its_own(leg: Any) -> None:
    long = [scroll_index(leg, *names).name for names in LONG]
    assert len(set(long)) == len(long)
    assert all(len(name or "") <= 63 for name in long)


LONG = (
    ("-distance", "delay", "-carrier", "number", "-code"),
    ("-distance", "delay", "-carrier", "number", "code"),
)


def test_the_key_and_unique_columns_serve_without_more(leg: Any) -> None:
    assert missing(leg) is None
    assert missing(leg, "-id") is None
    assert missing(leg, "carrier", "number") is None
    assert missing(leg, "-carrier", "-number", "delay") is None
    assert missing(leg, "number", "carrier") is not None
    # Rows without a code are not told apart by it.
    assert missing(leg, "code") is not None


def test_columns_that_conditions_hold_to_one_value_may_come_first(leg: Any) -> None:
    Index("ix_held", leg.carrier, leg.distance, leg.id)
    assert missing(leg, "distance") is not None
    assert missing(leg, "distance", equal={"carrier"}) is None
    assert missing(leg, "-distance", equal={"carrier", "delay"}) is None
    assert missing(leg, "carrier", equal={"carrier", "id"}) is None


def test_indexes_of_some_rows_or_of_expressions_or_without_an_order_do_not_serve(leg: Any) -> None:
    Index("ix_some", leg.distance, leg.id, postgresql_where=leg.distance > 5)
    Index("ix_hash", leg.distance, postgresql_using="hash")
    Index("ix_shown", func.lower(leg.carrier), leg.id)
    Index("ix_text", text("distance"), leg.id)
    assert missing(leg, "distance") is not None
    assert missing(leg, "carrier") is not None
    assert scroll_index(leg, "distance").name == "ix_leg_distance_id"


def test_no_index_serves_a_column_of_another_table() -> None:
    class Base(SQLModel, registry=registry(metadata=MetaData())):
        pass

    class Port(Base, table=True):
        id: int | None = Field(default=None, primary_key=True)
        name: str = ""

    class Ship(Base, table=True):
        id: int | None = Field(default=None, primary_key=True)
        port_id: int = Field(foreign_key="port.id")
        port: Port = Relationship()

    assert missing(Ship, "port.name") == (
        "no index serves an order by port.name, a column of another table"
    )


def test_an_index_is_declared_while_models_are_still_missing() -> None:
    class Base(SQLModel, registry=registry(metadata=MetaData())):
        pass

    class Early(Base, table=True):
        id: int | None = Field(default=None, primary_key=True)
        late_id: int = Field(foreign_key="late.id")
        late: Optional[Late] = Relationship()  # type: ignore[name-defined] # noqa: F821, UP045

    assert columns(scroll_index(Early, "late_id")) == ["early.late_id", "early.id"]


@pytest.mark.parametrize("name", ["distanc", "port.name", "", "distance nulls first", 5])
def test_an_index_is_of_the_models_own_columns(leg: Any, name: Any) -> None:
    with pytest.raises(errors.InvalidMapping, match="no column of that name") as caught:
        scroll_index(leg, name)
    if name == "distanc":
        assert "did you mean 'distance'?" in (caught.value.hint or "")


async def test_every_database_makes_the_index(database: Database) -> None:
    leg = build()
    scroll_index(leg, "-distance", "delay")
    scroll_index(leg, "delay")
    async with database.engine.begin() as connection:
        await connection.run_sync(leg.metadata.create_all)
        made = await connection.run_sync(lambda sync: inspect(sync).get_indexes("leg"))
    names = {index["name"] for index in made}
    assert {"ix_leg_distance_desc_delay_id", "ix_leg_delay_id"} <= names


class Words(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Word(Words, table=True):
    __tablename__ = "indexed_word"
    id: int | None = Field(default=None, primary_key=True)
    text: str
    other: str


Index("ix_word_lower", func.lower(Word.__table__.c.text).desc())  # type: ignore[attr-defined]


def test_an_index_of_an_expression_serves_an_order_that_begins_with_it() -> None:
    assert missing_index(Word, sort_keys_of(Word, (func.lower(Word.text),))) is None
    told = missing_index(Word, sort_keys_of(Word, (func.lower(Word.other),)))
    assert told is not None
    assert told.startswith("no index serves an order by lower(indexed_word.other)")
