"""Attributes that SQL computes, as the mapping knows them."""

from typing import Any

import pytest
from sqlalchemy import ColumnElement, Float, Integer, MetaData, Numeric, String, func, literal
from sqlalchemy import Enum as SQLEnum
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import DeclarativeBase, Mapped, composite, mapped_column, synonym
from sqlalchemy.types import NullType
from sqlmodel.sql.sqltypes import AutoString
from tests.ledgers import BOOK, Book

from colonnade.errors import InvalidMapping, UnknownField
from colonnade.mapping import (
    check_models,
    expressions_of,
    find_model_problems,
    names_of,
    synonym_of,
)
from colonnade.mapping.paths import column_path, relation_path
from colonnade.mapping.types import type_of


class Base(DeclarativeBase):
    metadata = MetaData()


class Point:
    def __init__(self, x: int, y: int) -> None:
        self.x = x
        self.y = y


class Place(Base):
    __tablename__ = "place"
    id: Mapped[int] = mapped_column(primary_key=True)
    x: Mapped[int]
    y: Mapped[int]
    at: Mapped[Point] = composite("x", "y")
    across = synonym("x")
    along = synonym("across")

    @hybrid_property
    def broken(self) -> int:
        return self.x

    @broken.inplace.expression
    @classmethod
    def _broken(cls) -> ColumnElement[int]:
        raise RuntimeError("no such thing")

    @hybrid_property
    def python(self) -> str:
        return f"{self.x}"

    @hybrid_property
    def raising(self) -> int:
        return len(self.x)  # type: ignore[arg-type]


def test_the_names_that_can_be_asked_for_are_columns_expressions_and_synonyms() -> None:
    names = names_of(Book)
    assert {"title", "owed", "due", "heading", "many", "debt"} <= set(names)
    assert not {"loud", "quiet", "beyond", "owner_first", "_heading"} & set(names)


def test_a_synonym_is_what_it_stands_for() -> None:
    assert column_path(Book, "debt") == column_path(Book, "owed")
    assert relation_path(Book, "holder") == relation_path(Book, "owner")
    assert synonym_of(Place, "along") == "x"


def test_a_composite_is_refused_with_its_columns() -> None:
    with pytest.raises(UnknownField, match="a composite of x, y"):
        column_path(Place, "at")


def test_the_check_reports_expressions_that_fail_when_built() -> None:
    (problem,) = find_model_problems(Base.metadata)
    assert problem == "Place.broken: its expression raises RuntimeError: no such thing"
    with pytest.raises(InvalidMapping, match="no such thing"):
        check_models(Base.metadata)


def test_a_hybrid_that_python_alone_computes_is_no_expression() -> None:
    assert not {"python", "raising", "broken"} & set(expressions_of(Place))
    for name in ("python", "raising", "broken"):
        with pytest.raises(UnknownField, match="a hybrid that has no SQL"):
            column_path(Place, name)


@pytest.mark.parametrize(
    ("element", "kind"),
    [
        (func.lower(BOOK.title), String),
        (func.length(BOOK.title), Integer),
        (func.abs(BOOK.owed), Integer),
        (func.abs(literal(1.5, Float())), Float),
        (func.nullif(BOOK.title, ""), AutoString),
        (func.abs(literal(1, Numeric(4, 2))), Numeric),
        (func.nullif(literal("a", SQLEnum("a", "b")), ""), SQLEnum),
        (func.abs(), NullType),
        (func.anything(BOOK.title), NullType),
    ],
)
def test_well_known_functions_have_a_type(element: Any, kind: type[Any]) -> None:
    assert isinstance(type_of(element), kind)


def test_an_annotation_tells_the_type_of_a_function() -> None:
    def whole() -> int | None: ...
    def vague() -> Any: ...
    def missing() -> "Missing": ...  # type: ignore[name-defined] # noqa: F821

    element = func.anything()
    assert isinstance(type_of(element, whole), Integer)
    assert type_of(element, vague) is type_of(element, missing) is element.type
