"""Read SQLAlchemy's expressions in ``order_by``: what is sorted by, its direction, its NULLs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import QueryableAttribute
from sqlalchemy.sql import operators

from colonnade._compat.sqlalchemy_annotations import annotation_of
from colonnade.errors import InvalidOperand
from colonnade.filters import coerce_expression
from colonnade.mapping import RawExpression, clause_of, names_of, with_article
from colonnade.mapping.types import type_of

__all__ = ["ParsedExpression", "read_expression"]

#: Where an expression puts its NULLs: first or not.
_PLACES: Final = {operators.nulls_first_op: True, operators.nulls_last_op: False}
_DIRECTIONS: Final = {operators.asc_op: False, operators.desc_op: True}


@dataclass(frozen=True, slots=True)
class ParsedExpression:
    """An expression as it was read; ``what`` is an attribute's name, or else an expression.

    ``nulls_first`` is None where the expression does not say.
    """

    what: str | RawExpression
    descending: bool
    nulls_first: bool | None


def read_expression(model: type[Any], given: Any) -> ParsedExpression:
    """Return the parts of an expression such as ``func.lower(Hero.name).desc().nulls_last()``.

    Raises ``InvalidOperand`` for anything but an expression on the model's own columns.
    """
    descending, nulls_first = False, None
    element = given
    while isinstance(element, sa.UnaryExpression) and element.modifier is not None:
        if element.modifier in _PLACES and nulls_first is None:
            nulls_first = _PLACES[element.modifier]
        descending = _DIRECTIONS.get(element.modifier, descending)
        element = element.element
    if not hasattr(element, "__clause_element__") and not isinstance(element, sa.ColumnElement):
        listed = isinstance(given, list | tuple | set)
        raise InvalidOperand(
            "an order is given by names and SQL expressions, "
            f"not by {with_article(type(given).__name__)}",
            hint='each term is an argument of its own: order_by("-age", "name")'
            if listed
            else 'such as "-age", or func.lower(Hero.name)',
        )
    name = _name_of(model, element)
    what = RawExpression(model, _check_clause(model, element)) if name is None else name
    return ParsedExpression(what, descending, nulls_first)


def _name_of(model: type[Any], element: Any) -> str | None:
    """Return the name of an attribute of the model; None for any other expression."""
    if isinstance(element, sa.Column):
        # Taken from an attribute, as in Hero.name.desc(); of the table itself it is an expression.
        owner, key = annotation_of(element, "parententity"), annotation_of(element, "proxy_key")
        return key if owner is sa.inspect(model) and key in names_of(model) else None
    if not isinstance(element, QueryableAttribute) or element.key not in names_of(model):
        return None
    owner = element.class_
    return element.key if isinstance(owner, type) and issubclass(model, owner) else None


def _check_clause(model: type[Any], element: Any) -> sa.ColumnElement[Any]:
    """Return the SQL of an expression on the model's own columns."""
    try:
        found = clause_of(element)
    except TypeError as error:
        raise InvalidOperand(
            f"rows cannot be sorted by this: {error}",
            hint='a relation to one object is followed by name, such as "team.name"',
            model=model.__name__,
        ) from None
    kind = type_of(coerce_expression(model, found))
    return found if kind is found.type else sa.type_coerce(found, kind)
