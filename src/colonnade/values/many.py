"""Tell quickly that all of many values are valid for a column as they are, for bulk writes.

Nearly always they have exactly the column's type. Then a check such as ``max(values) <= high`` of
the whole list is much faster than one call of the rule for each value. A check that says no proves
nothing: the values are then validated one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from math import isfinite
from types import MappingProxyType
from typing import Any, Final, TypeAlias
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.types import TypeEngine

from colonnade.models import EnumValue
from colonnade.values.choices import is_closed
from colonnade.values.families import Family, family_of, plain_type
from colonnade.values.moments import is_zoned
from colonnade.values.numbers import bounds_of
from colonnade.values.rules import is_foreign

__all__ = ["Glance", "glance_of"]

#: The exact type that all values must have, and a function that returns True if the column stores
#: all of these values as they are.
Glance: TypeAlias = tuple[type[Any], Callable[[Sequence[Any]], bool]]


def glance_of(kind: Any, stored: TypeEngine[Any]) -> Glance | None:
    """Return the quick check of a column's values: ``rule_of`` would return each unchanged.

    ``kind`` is the Python type of the column, ``stored`` its SQL type. Return None for a column
    whose values have to be validated one by one.
    """
    if is_foreign(stored):
        return None
    family = family_of(stored)
    if is_closed(kind) and family != "enum":
        return None
    make = _MAKERS.get(family)
    return None if make is None else make(stored)


def _integers(stored: TypeEngine[Any]) -> Glance:
    low, high = bounds_of(stored)
    return int, lambda values: low <= min(values) and max(values) <= high


def _texts(stored: TypeEngine[Any]) -> Glance:
    plain: Any = plain_type(stored)
    most = None if isinstance(plain, sa.Text) else plain.length
    is_padded = isinstance(plain, sa.CHAR)

    def fit(values: Sequence[str]) -> bool:
        # Only ASCII: for other letters the column's character set has to be considered.
        if not all(map(str.isascii, values)) or any("\0" in value for value in values):
            return False
        if is_padded and any(value.endswith(" ") for value in values):
            return False
        return most is None or max(map(len, values)) <= most

    return str, fit


def _moments(stored: TypeEngine[Any]) -> Glance | None:
    # With a zone each value is converted to UTC. A type that declares a precision needs a check
    # of each value's fraction.
    if is_zoned(stored) or type(plain_type(stored)) is not sa.DateTime:
        return None
    return datetime, lambda values: all(value.tzinfo is None for value in values)


def _enums(stored: TypeEngine[Any]) -> Glance | None:
    plain = plain_type(stored)
    members = stored.values if isinstance(stored, EnumValue) else getattr(plain, "enum_class", None)
    return (members, _always) if isinstance(members, type) else None


def _uuids(stored: TypeEngine[Any]) -> Glance | None:
    plain: Any = plain_type(stored)
    return (UUID, _always) if plain.as_uuid else None


def _always(_values: Sequence[Any]) -> bool:
    return True


_MAKERS: Final[Mapping[Family, Callable[[TypeEngine[Any]], Glance | None]]] = MappingProxyType(
    {
        "text": _texts,
        "integer": _integers,
        "float": lambda _stored: (float, lambda values: all(map(isfinite, values))),
        "boolean": lambda _stored: (bool, _always),
        "date": lambda _stored: (date, _always),
        "datetime": _moments,
        "enum": _enums,
        "uuid": _uuids,
    }
)
