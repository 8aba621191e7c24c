"""The SQL of the array operators ``overlap`` and ``includes``, which only PostgreSQL has."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.ext.compiler import compiles

from colonnade.errors import UnknownOperator
from colonnade.sql.comparison import Predicate

__all__ = ["build_includes", "build_overlap"]


class _ArrayPredicate(Predicate):
    """A comparison of two arrays: ``name`` is our operator, ``sign`` PostgreSQL's."""

    inherit_cache = True
    name: str
    sign: str


class _Overlap(_ArrayPredicate):
    """True if the two arrays share an item."""

    inherit_cache = True
    name, sign = "overlap", "&&"


class _Includes(_ArrayPredicate):
    """True if the first array has every item of the second."""

    inherit_cache = True
    name, sign = "includes", "@>"


def build_overlap(column: Any, values: Any) -> ColumnElement[bool]:
    """Build the condition that an array has at least one of the items."""
    return _Overlap(column, values)


def build_includes(column: Any, values: Any) -> ColumnElement[bool]:
    """Build the condition that an array has all of the items."""
    return _Includes(column, values)


@compiles(_Overlap, "postgresql")
@compiles(_Includes, "postgresql")
def _render_array_operator(element: _ArrayPredicate, compiler: Any, **options: Any) -> str:
    column, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({column} {element.sign} {values})"


@compiles(_Overlap)
@compiles(_Includes)
def _raise_without_arrays(element: _ArrayPredicate, compiler: Any, **options: Any) -> str:
    raise UnknownOperator(
        f"{compiler.dialect.name} has no arrays, and so no {element.name!r}",
        hint="keep the items in a table of their own, and follow a relation to it",
    )
