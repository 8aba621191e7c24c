"""Values of kinds that annotations and column types tell differently."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal, Optional

import pytest
from sqlalchemy import JSON, Column, MetaData, String
from sqlalchemy import Enum as NativeEnum
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, registry
from sqlalchemy.types import UserDefinedType
from sqlmodel import Field, SQLModel

from colonnade.errors import InvalidOperand, UnknownOperator
from colonnade.filters import parse_lookup, parse_lookups
from colonnade.spec import Shape, Spec, select_entities


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Colour(StrEnum):
    RED = "red"


class Point(UserDefinedType[Any]):
    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "POINT"


class Thing(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    grade: Literal["low", "high"] = Field(default="low", sa_type=String(10))
    colour: Colour = Field(default=Colour.RED, sa_column=Column(NativeEnum(Colour)))
    words: Any = Field(default=None, sa_type=JSON)
    small: Optional[Annotated[int, Field(lt=10)]] = None  # noqa: UP045 # one more spelling


class Plain(DeclarativeBase):
    pass


class Vague(UserDefinedType[Any]):
    cache_ok = True

    @property
    def python_type(self) -> type[Any]:
        raise NotImplementedError

    def get_col_spec(self, **_: Any) -> str:
        return "VAGUE"


class Place(Plain):
    __tablename__ = "place"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    where: Mapped[Any] = mapped_column(Point)
    what: Mapped[Any] = mapped_column(Vague)


def test_a_part_of_a_text_need_not_be_a_whole_one() -> None:
    assert parse_lookups(Thing, {"grade__contains": "ig"})[1] == ("ig",)
    with pytest.raises(InvalidOperand):
        parse_lookups(Thing, {"grade": "ig"})


def test_an_enum_is_no_text_though_its_members_are() -> None:
    with pytest.raises(UnknownOperator, match="is for text"):
        parse_lookup(Thing, "colour__contains", "re")
    assert parse_lookups(Thing, {"colour": "red"})[1] == (Colour.RED,)


def test_json_is_compared_with_null_alone() -> None:
    assert parse_lookup(Thing, "words", None).operator.name == "isnull"
    assert parse_lookup(Thing, "words__ne", None).flag is False
    with pytest.raises(UnknownOperator, match="words is JSON, which databases compare") as caught:
        parse_lookup(Thing, "words", {"a": 1})
    assert caught.value.hint == "operators for it: isnull, has_key"


def test_a_bool_is_no_number_however_the_number_is_annotated() -> None:
    assert parse_lookups(Thing, {"small": "3"})[1] == (3,)
    with pytest.raises(InvalidOperand):
        parse_lookups(Thing, {"small": True})


def test_a_limit_of_the_annotation_is_for_payloads_and_not_for_questions() -> None:
    assert parse_lookups(Thing, {"small": 11})[1] == (11,)


def test_a_model_without_annotations_goes_by_its_column_types() -> None:
    assert parse_lookups(Place, {"id": "3", "name__contains": "x"})[1] == (3, "x")
    with pytest.raises(InvalidOperand):
        parse_lookups(Place, {"id": "x"})


def test_a_type_that_knows_no_python_type_takes_what_it_gets() -> None:
    assert parse_lookups(Place, {"where": (1, 2)})[1] == ((1, 2),)
    assert parse_lookups(Place, {"what": (1, 2)})[1] == ((1, 2),)


def test_a_part_of_a_text_is_sought_as_the_database_best_can() -> None:
    nodes, values = parse_lookups(Place, {"name__contains": "x", "name__icontains": "x"})
    statement = select_entities(Spec(Shape(Place, nodes), values))
    on_sqlite = str(statement.compile(dialect=sqlite.dialect()))
    assert "instr(place.name, ?) > 0" in on_sqlite
    assert "ELSE colonnade_fold(place.name) END, colonnade_fold(?)) > 0" in on_sqlite
    on_postgresql = str(statement.compile(dialect=postgresql.dialect()))
    assert "place.name LIKE %(v0)s::VARCHAR" in on_postgresql
    assert "place.name ILIKE %(v1)s::VARCHAR" in on_postgresql
