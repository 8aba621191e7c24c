"""The SQL of the operators of order: ``gt``, ``gte``, ``lt``, ``lte`` and ``between``.

UUIDs need care: some versions of MariaDB sort its native UUID by another order of the bytes than
PostgreSQL and SQLite, so there they are compared as text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, and_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from colonnade.filters.families import family_of

__all__ = ["between", "ordered"]


class _InOrder(FunctionElement[Any]):
    """A UUID in the form that is compared: its digits on MySQL and MariaDB, itself elsewhere."""

    inherit_cache = True

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.type = value.type


def ordered(
    compare: Callable[[Any, Any], ColumnElement[bool]],
) -> Callable[[Any, Any], ColumnElement[bool]]:
    """Return ``compare`` for columns of any type, UUIDs in the same order on every database."""

    def build(column: Any, value: Any) -> ColumnElement[bool]:
        if family_of(column.type) != "uuid":
            return compare(column, value)
        return compare(_InOrder(column), _InOrder(value))

    return build


def between(column: Any, pair: tuple[Any, Any]) -> ColumnElement[bool]:
    """Build the condition that a column lies between a pair of values, both included."""
    low, high = pair
    at_least, at_most = ordered(lambda c, v: c >= v), ordered(lambda c, v: c <= v)
    return and_(at_least(column, low), at_most(column, high))


@compiles(_InOrder)
def _itself(element: _InOrder, compiler: Any, **options: Any) -> str:
    """Render the UUID unchanged."""
    text: str = compiler.process(element.clauses, **options)
    return text


@compiles(_InOrder, "mysql", "mariadb")
def _digits(element: _InOrder, compiler: Any, **options: Any) -> str:
    """Render the UUID as its hexadecimal digits, whether it is a native UUID or a CHAR(32)."""
    return f"replace(CAST({compiler.process(element.clauses, **options)} AS CHAR), '-', '')"
