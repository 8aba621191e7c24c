"""In charge of families: what sort of values a column holds, whatever its type is called.

An operator fits families, not types, so that a type of the user's own is served by what it wraps.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.sql.sqltypes import _AbstractInterval, _Binary
from sqlalchemy.types import TypeDecorator, TypeEngine

from colonnade.models import EnumValue

__all__ = [
    "ANY",
    "ARRAYS",
    "BOOLEANS",
    "EQUAL",
    "JSON",
    "LISTED",
    "ORDERED",
    "TEXTS",
    "WORDS",
    "Family",
    "Fit",
    "family_of",
    "item_type",
    "plain_type",
]

Family: TypeAlias = Literal[
    "text", "integer", "float", "decimal", "boolean", "date", "time", "datetime", "interval",
    "uuid", "enum", "json", "array", "bytes", "other",
]  # fmt: skip

#: How an error speaks of a column of the family.
WORDS: Final = MappingProxyType(
    {
        "text": "a text",
        "integer": "an integer",
        "float": "a float",
        "decimal": "a decimal",
        "boolean": "a boolean",
        "date": "a date",
        "time": "a time",
        "datetime": "a datetime",
        "interval": "an interval",
        "uuid": "a UUID",
        "enum": "an enum, whose order each database sees in its own way",
        "json": "JSON, which databases compare each in its own way",
        "array": "an array",
        "bytes": "bytes",
        "other": "none of them",
    }
)

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
    (_AbstractInterval, "interval"),
    (sa.Uuid, "uuid"),
    (sa.JSON, "json"),
    (sa.ARRAY, "array"),
    (_Binary, "bytes"),
)


@dataclass(frozen=True, slots=True)
class Fit:
    """The families that an operator fits, and what they are called together."""

    name: str
    families: frozenset[Family]


_EVERY: Final[frozenset[Family]] = frozenset(WORDS)  # type: ignore[arg-type] # they are its keys

ANY: Final = Fit("any column", _EVERY)
#: Not JSON, whose text says the same in many ways.
EQUAL: Final = Fit("what can be told equal", _EVERY - {"json"})
#: What IN can list: not arrays either, which a list of lists would flatten.
LISTED: Final = Fit("single values", _EVERY - {"json", "array"})
#: No order on enums (names, declarations or numbers, as the database likes) and booleans.
ORDERED: Final = Fit("what has an order", _EVERY - {"json", "array", "enum", "boolean"})
TEXTS: Final = Fit("text", frozenset({"text"}))
BOOLEANS: Final = Fit("booleans", frozenset({"boolean"}))
JSON: Final = Fit("JSON", frozenset({"json"}))
ARRAYS: Final = Fit("arrays", frozenset({"array"}))


def plain_type(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """What a type of the user's own wraps; any other type itself."""
    # SQLAlchemy's own Interval is a decorator too.
    while not isinstance(kind, _AbstractInterval) and isinstance(kind, TypeDecorator):
        kind = kind.impl_instance
    return kind


def family_of(kind: TypeEngine[Any]) -> Family:
    """The family of a column type."""
    if isinstance(kind, EnumValue) or _holds_enum(kind):
        return "enum"
    plain = plain_type(kind)
    for known, family in _BY_TYPE:
        if isinstance(plain, known):
            return family
    return "other"


def item_type(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """The type of an array's items."""
    item: TypeEngine[Any] = plain_type(kind).item_type  # type: ignore[attr-defined] # an ARRAY
    return item


def _holds_enum(kind: TypeEngine[Any]) -> bool:
    try:
        python_type = kind.python_type
    except NotImplementedError:
        return False
    return isinstance(python_type, type) and issubclass(python_type, Enum)
