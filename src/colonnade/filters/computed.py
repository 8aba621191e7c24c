"""Conditions on values that SQL computes: hybrids, their comparators and ``column_property``.

An expression has the operators of its SQL type. If neither SQLAlchemy nor an annotation gives it
one, only ``isnull`` is possible, because texts are not compared as numbers are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import ColumnElement

from colonnade.errors import UnknownOperator
from colonnade.filters.families import FAMILY_LABELS
from colonnade.filters.operators import Operator
from colonnade.mapping import Column, Expression, attribute_on
from colonnade.mapping.paths import ColumnPath
from colonnade.values import family_of

__all__ = ["build_computed", "check_comparator", "describe_column", "is_supported"]

#: The operators for an expression of unknown type.
_UNTYPED: Final = frozenset({"isnull"})
#: Operators that need the database's index of a column, which an expression does not have.
_INDEXED: Final = frozenset({"match"})
#: Operators that are passed to a user's own comparator, as Python's operators.
_ASKED: Final[Mapping[str, Callable[[Any, Any], Any]]] = MappingProxyType(
    {
        "eq": lambda c, v: c == v,
        "ne": lambda c, v: c != v,
        "gt": lambda c, v: c > v,
        "gte": lambda c, v: c >= v,
        "lt": lambda c, v: c < v,
        "lte": lambda c, v: c <= v,
    }
)


def is_supported(operator: Operator, column: Column | Expression) -> bool:
    """Return whether an operator applies to a column or an expression."""
    if isinstance(column, Expression):
        if column.untyped:
            return operator.name in _UNTYPED
        if operator.name in _INDEXED:
            return False
    return operator.supports(column.type)


def describe_column(column: Column | Expression) -> tuple[str, str]:
    """Return how errors describe a column's type, and how to give an expression one."""
    if isinstance(column, Expression) and column.untyped:
        remedy = "annotate what it returns, as in -> int, or give it a type, as in type_=Integer"
        return "an expression whose type SQLAlchemy does not know", f"; for others {remedy}"
    kind = FAMILY_LABELS[family_of(column.type)]
    return (f"{kind} that is computed" if isinstance(column, Expression) else kind), ""


def build_computed(
    entity: Any, column: Expression, operator: Operator, value: Any
) -> ColumnElement[bool]:
    """Return the condition on an expression of ``entity``; its own comparator goes first."""
    if column.compares and operator.name in _ASKED:
        found: ColumnElement[bool] = _ASKED[operator.name](getattr(entity, column.name), value)
        return found
    return operator.build(attribute_on(entity, column), value)


def check_comparator(name: str, path: ColumnPath, operator: Operator) -> None:
    """Raise ``UnknownOperator`` if a hybrid's comparator cannot compare with a bound value.

    Some look at the value in Python, which is not there when the statement is built.
    """
    column = path.column
    if not (isinstance(column, Expression) and column.compares and operator.name in _ASKED):
        return
    owner = path.owner
    try:
        build_computed(owner, column, operator, operator.make_parameter("value", column.type))
    except Exception as error:
        raise UnknownOperator(
            f"{name}: the comparator of {owner.__name__}.{column.name} takes no value that is "
            f"bound: {type(error).__name__}",
            hint=f"hand in the expression: where({owner.__name__}.{column.name} == …)",
            model=owner.__name__,
            fields=(name,),
        ) from error
