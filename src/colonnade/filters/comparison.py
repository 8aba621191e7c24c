"""In charge of the SQL of order: greater, less, between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, and_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from colonnade.filters.families import family_of

__all__ = ["between", "ordered"]


class _InOrder(FunctionElement[Any]):
    """A UUID, or what sorts as its digits do; some MariaDB sorts a native one in its own way."""

    inherit_cache = True

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.type = value.type


def ordered(
    compare: Callable[[Any, Any], ColumnElement[bool]],
) -> Callable[[Any, Any], ColumnElement[bool]]:
    """``compare``, in one order on every database, where there is one."""

    def build(column: Any, value: Any) -> ColumnElement[bool]:
        if family_of(column.type) != "uuid":
            return compare(column, value)
        return compare(_InOrder(column), _InOrder(value))

    return build


def between(column: Any, pair: tuple[Any, Any]) -> ColumnElement[bool]:
    """From the first of a pair to the second, both included."""
    low, high = pair
    at_least, at_most = ordered(lambda c, v: c >= v), ordered(lambda c, v: c <= v)
    return and_(at_least(column, low), at_most(column, high))


@compiles(_InOrder)
def _itself(element: _InOrder, compiler: Any, **options: Any) -> str:
    text: str = compiler.process(element.clauses, **options)
    return text


@compiles(_InOrder, "mysql", "mariadb")
def _digits(element: _InOrder, compiler: Any, **options: Any) -> str:
    return f"replace(CAST({compiler.process(element.clauses, **options)} AS CHAR), '-', '')"
