"""In charge of many values of one column: what tells at a glance that all of them are its values.

Values of just the column's type, which is nearly all of them, need no look one by one.
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

#: The exact type of the values, and what says of some that the column stores them as they are.
Glance: TypeAlias = tuple[type[Any], Callable[[Sequence[Any]], bool]]


def glance_of(kind: Any, stored: TypeEngine[Any]) -> Glance | None:
    """Return what tells of many values that ``rule_of`` would return each as it is, for a write.

    None for a column whose values have to be looked at one by one.
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
        if not all(map(str.isascii, values)) or any("\0" in value for value in values):
            return False
        if is_padded and any(value.endswith(" ") for value in values):
            return False
        return most is None or max(map(len, values)) <= most

    return str, fit


def _moments(stored: TypeEngine[Any]) -> Glance | None:
    # A precision of its own is a matter of each value, and a moment is stored in UTC.
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
