"""Sort column types into families, such as text, integer or datetime.

Rules and operators are chosen by family and not by type, so that every subclass and every type of
a user's own has them: a ``TypeDecorator`` belongs to the family of the type that it wraps.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Final, Literal, TypeAlias

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.types import TypeDecorator, TypeEngine

from colonnade._compat.sqlalchemy_types import BINARY, INTERVAL
from colonnade.models import EnumValue

__all__ = ["DIALECTS", "Family", "family_of", "is_interval", "item_type", "plain_type"]

Family: TypeAlias = Literal[
    "text", "integer", "float", "decimal", "boolean", "date", "time", "datetime", "interval",
    "uuid", "enum", "json", "array", "bytes", "other",
]  # fmt: skip

#: As whom a column's type is asked what it is: any of them may have a variant of its own.
DIALECTS: Final[tuple[sa.Dialect, ...]] = (
    sqlite.dialect(),
    asyncpg.dialect(),  # type: ignore[no-untyped-call]
    mysql.dialect(),
)

# The first match counts: a subclass stands before its base, as Float before Numeric.
_BY_TYPE: Final[tuple[tuple[type[Any], Family], ...]] = (
    (sa.Enum, "enum"),
    (mysql.SET, "other"),
    (sa.String, "text"),
    (sa.Boolean, "boolean"),
    (sa.Integer, "integer"),
    (sa.Float, "float"),
    (sa.Numeric, "decimal"),
    (sa.DateTime, "datetime"),
    (sa.Date, "date"),
    (sa.Time, "time"),
    (INTERVAL, "interval"),
    (sa.Uuid, "uuid"),
    (sa.JSON, "json"),
    (sa.ARRAY, "array"),
    (BINARY, "bytes"),
)


def plain_type(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """Return the type that a ``TypeDecorator`` wraps; any other type itself."""
    # SQLAlchemy's own Interval is a TypeDecorator too, and has to stay what it is.
    while not is_interval(kind) and isinstance(kind, TypeDecorator):
        kind = kind.impl_instance
    return kind


def is_interval(kind: TypeEngine[Any]) -> bool:
    """Return whether a type is one of SQLAlchemy's intervals.

    They have no public base class in common.
    """
    return isinstance(kind, INTERVAL)


def family_of(kind: TypeEngine[Any]) -> Family:
    """Return the family of a column type."""
    if isinstance(kind, EnumValue) or _holds_enum(kind):
        return "enum"
    plain = plain_type(kind)
    for known, family in _BY_TYPE:
        if isinstance(plain, known):
            return family
    return "other"


def item_type(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """Return the type of an array's items."""
    item: TypeEngine[Any] = plain_type(kind).item_type  # type: ignore[attr-defined] # an ARRAY
    return item


def _holds_enum(kind: TypeEngine[Any]) -> bool:
    """Return whether values of the type are enum members, as those of a user's own type may be."""
    try:
        python_type = kind.python_type
    except NotImplementedError:
        return False
    return isinstance(python_type, type) and issubclass(python_type, Enum)
