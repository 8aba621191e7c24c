"""Many payloads become the rows, or the error, that each of them becomes by itself."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from sqlmodel import SQLModel
from tests.guild import (
    Anything,
    Hero,
    HeroCreate,
    Kind,
    Odd,
    Seat,
    SeatWrite,
    Sheet,
    SheetCreate,
)
from tests.writing.test_changes import Camel

from colonnade.errors import InvalidChanges
from colonnade.writing import parse_insert, parse_inserts


class Word(StrEnum):
    PLAIN = "plain"


class Text(str):
    pass


class Plain(SQLModel):
    name: str
    age: int | None = Field(default=None, ge=0)


class Twofold(BaseModel):
    """A key that could fill two fields."""

    name: str = ""
    slug: str = Field(default="", alias="name")


class Nosy(BaseModel):
    """Changes the mapping that it is handed."""

    name: str

    @model_validator(mode="before")
    @classmethod
    def take(cls, values: Any) -> Any:
        return {"name": values.pop("name")}


class Cached(BaseModel):
    name: str

    @cached_property
    def shout(self) -> str:
        return self.name.upper()


class Picky(BaseModel):
    model_config = ConfigDict(extra="allow")
    name: str

    @field_validator("name")
    @classmethod
    def fit(cls, value: str) -> str:
        if value == "wrong":
            raise ValueError("not this one")
        return value.strip()


def one_by_one(model: Any, schema: Any, payloads: list[Any], filled: Any) -> Any:
    try:
        return [parse_insert(model, schema, payload, filled) for payload in payloads]
    except InvalidChanges as error:
        return error


def together(model: Any, schema: Any, payloads: list[Any], filled: Any) -> Any:
    try:
        return parse_inserts(model, schema, payloads, filled)
    except InvalidChanges as error:
        return error


def compare(model: Any, schema: Any, payloads: list[Any], filled: Any = None) -> Any:
    expected = one_by_one(model, schema, payloads, filled or {})
    found = together(model, schema, payloads, filled or {})
    if isinstance(expected, InvalidChanges):
        assert isinstance(found, InvalidChanges)
        assert (found.problems, found.fields, found.message, found.hint) == (
            expected.problems, expected.fields, expected.message, expected.hint
        )  # fmt: skip
        return found
    assert found == expected
    kinds = [[type(value) for value in row.values()] for row in expected]
    assert [
        [type(row[name]) for name in given] for row, given in zip(found, expected, strict=True)
    ] == kinds
    return found


def cached(name: str) -> Cached:
    item = Cached(name=name)
    assert item.shout == name.upper()
    return item


CASES: dict[str, tuple[Any, Any, list[Any]]] = {
    "none": (Hero, HeroCreate, []),
    "mappings": (Hero, HeroCreate, [{"name": "a"}, {"name": "b", "age": 3}]),
    "schemas": (Hero, HeroCreate, [HeroCreate(name="a"), HeroCreate(name="b", age=3)]),
    "both": (Hero, HeroCreate, [HeroCreate(name="a"), {"name": "b"}, HeroCreate(name="c")]),
    "other schemas": (Hero, HeroCreate, [Plain(name="a"), HeroCreate(name="b"), Plain(name="c")]),
    "coerced": (Hero, HeroCreate, [{"name": "a", "age": "3", "fee": "1.5", "kind": "hero"}] * 2),
    "uncoerced": (Hero, Anything, [{"name": "a", "age": "3", "badge": str(UUID(int=1))}] * 2),
    "aliases": (Odd, Camel, [{"realName": "a", "sequence": 1}, {"real_name": "b", "bases": [4]}]),
    "twice": (Odd, Camel, [{"order": 1}, {"order": 1, "sequence": 2}]),
    "twofold": (Hero, Twofold, [{"name": "a"}, {"slug": "b"}]),
    "nosy": (Hero, Nosy, [{"name": "a"}, {"name": "b"}]),
    "extra": (Hero, Picky, [{"name": " a ", "age": 3}, Picky(name="b", slug="x")]),  # type: ignore[call-arg] # allowed
    "refused": (Hero, Picky, [{"name": "a"}, {"name": "wrong"}]),
    "cached": (Hero, Cached, [cached("a"), Cached(name="b")]),
    "constructed": (Hero, HeroCreate, [HeroCreate.model_construct(name="a"), HeroCreate(name="b")]),
    "wrongly constructed": (Hero, Plain, [Plain.model_construct(name=3), Plain(name="b")]),
    "unknown": (Hero, HeroCreate, [{"name": "a"}, {"nmae": "b"}]),
    "no column": (Hero, Anything, [{"name": "a"}, {"name": "b", "nmae": 1}]),
    "no key": (Hero, HeroCreate, [{"name": "a"}, {1: "b"}]),
    "no payload": (Hero, HeroCreate, [{"name": "a"}, 3]),
    "a row": (Hero, HeroCreate, [{"name": "a"}, Hero(name="b")]),
    "null": (Hero, Anything, [{"name": "a"}, {"name": None}]),
    "lacking": (Hero, Anything, [{"name": "a"}, {"age": 1}]),
    "long": (Hero, HeroCreate, [{"name": "a"}, {"name": "b", "age": 2**63}]),
    "nul": (Hero, HeroCreate, [{"name": "a"}, {"name": "b\0"}]),
    "surrogate": (Hero, HeroCreate, [{"name": "a"}, {"name": "\ud800"}]),
    "no ascii": (Hero, HeroCreate, [{"name": "é"}, {"name": "😀"}]),
    "a bool": (Hero, Anything, [{"name": "a", "age": 1}, {"name": "b", "age": True}]),
    "members": (Hero, Anything, [{"name": Word.PLAIN, "kind": Kind.HERO}] * 2),
    "texts": (Hero, Anything, [{"name": Text("a")}, {"name": Text("b\0")}]),
    "computed": (Sheet, Anything, [{"title": "a"}, {"title": "b", "doubled": 3}]),
    "defaults": (Sheet, SheetCreate, [{"title": "a"}, {"title": "b", "rating": None}]),
    "composite": (Seat, SeatWrite, [{"hall": "a", "number": n} for n in range(3)]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("filled", [{}, {"age": 7, "slug": None}])
def test_together_they_are_what_each_is_by_itself(case: str, filled: dict[str, Any]) -> None:
    model, schema, payloads = CASES[case]
    if "age" in filled and model is not Hero:
        filled = {}
    kept = [dict(payload) if isinstance(payload, dict) else payload for payload in payloads]
    compare(model, schema, payloads, filled)
    if case != "nosy":
        assert payloads == kept


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(["", "a", "é", "\0", "\ud800", "😀"]),
    st.sampled_from(["1", "1.5", "2020-01-01", "hero", "true", Kind.HERO, Word.PLAIN, Text("x")]),
    st.dates(),
    st.decimals(),
    st.uuids(),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.dictionaries(st.sampled_from(["name", "age", "fee", "kind", "born", "active"]), VALUES),
        max_size=4,
    ),
    st.sampled_from([HeroCreate, Anything]),
)
def test_whatever_is_handed_in(payloads: list[dict[str, Any]], schema: Any) -> None:
    expected, found = (one_by_one(Hero, schema, payloads, {}), together(Hero, schema, payloads, {}))
    if isinstance(expected, InvalidChanges):
        assert isinstance(found, InvalidChanges)
        assert found.problems == expected.problems
    else:
        assert repr(found) == repr(expected)  # NaN is not equal to itself


def test_values_keep_their_type() -> None:
    (row, _) = compare(
        Hero,
        HeroCreate,
        [HeroCreate(name="a", fee=Decimal("1.5"), born=date(2020, 1, 1), kind=Kind.HERO)] * 2,
    )
    assert (row["fee"], row["born"], row["kind"]) == (Decimal("1.5"), date(2020, 1, 1), Kind.HERO)


def test_each_payload_is_validated_once() -> None:
    seen: list[str] = []

    class Counted(BaseModel):
        name: str
        age: int | None = None

        @field_validator("name")
        @classmethod
        def count(cls, value: str) -> str:
            seen.append(value)
            return value

    parse_inserts(Hero, Counted, [{"name": str(n), "age": n} for n in range(5)])
    assert seen == list("01234")
