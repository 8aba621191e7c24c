"""Check the SQLAlchemy expressions that ``where`` is given beside lookups."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, inspect

from colonnade._compat.sqlalchemy_statements import tables_of
from colonnade.errors import InvalidOperand
from colonnade.mapping import with_article

__all__ = ["expression"]


def expression(model: type[Any], condition: Any) -> ColumnElement[bool]:
    """Return ``condition`` as an SQL expression.

    Raise ``InvalidOperand`` if it is none, such as the bool of ``Hero.name is None``, and if it
    uses another table: the query does not join it, and would be a cartesian product.
    """
    element = getattr(condition, "__clause_element__", lambda: condition)()
    if not isinstance(element, ColumnElement):
        raise InvalidOperand(
            f"a condition is a lookup or an SQL expression, "
            f"not {with_article(type(condition).__name__)}",
            hint="Python's 'is', 'in', 'and', 'or' and 'not' compare objects; write lookups, or "
            "SQLAlchemy's operators",
        )
    own_tables = set(tables_of(inspect(model).selectable))
    if others := [table for table in tables_of(element) if table not in own_tables]:
        name = getattr(others[0], "description", type(others[0]).__name__)
        raise InvalidOperand(
            f"{model.__name__}: an expression on {name}, which the query does not join",
            hint="follow a relation with a lookup, or with its .has(...) or .any(...)",
            model=model.__name__,
        )
    return element
