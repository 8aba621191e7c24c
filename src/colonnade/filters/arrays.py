"""In charge of the SQL of operators on arrays, which PostgreSQL alone has."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.ext.compiler import compiles

from colonnade.errors import UnknownOperator
from colonnade.filters.predicate import Predicate

__all__ = ["includes", "overlap"]


class _Arrays(Predicate):
    """A question about two arrays; ``name`` is the operator's and ``sign`` PostgreSQL's."""

    inherit_cache = True
    name: str
    sign: str


class _Overlap(_Arrays):
    """Whether they share an item."""

    inherit_cache = True
    name, sign = "overlap", "&&"


class _Includes(_Arrays):
    """Whether the first has every item of the second."""

    inherit_cache = True
    name, sign = "includes", "@>"


def overlap(column: Any, values: Any) -> ColumnElement[bool]:
    """Whether an array holds one of these items."""
    return _Overlap(column, values)


def includes(column: Any, values: Any) -> ColumnElement[bool]:
    """Whether an array holds all of these items."""
    return _Includes(column, values)


@compiles(_Overlap, "postgresql")
@compiles(_Includes, "postgresql")
def _asked(element: _Arrays, compiler: Any, **options: Any) -> str:
    column, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({column} {element.sign} {values})"


@compiles(_Overlap)
@compiles(_Includes)
def _refused(element: _Arrays, compiler: Any, **options: Any) -> str:
    raise UnknownOperator(
        f"{compiler.dialect.name} has no arrays, and so no {element.name!r}",
        hint="keep the items in a table of their own, and follow a relation to it",
    )
