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
from colonnade.values.numbers import integer_bounds
from colonnade.values.rules import is_user_type

__all__ = ["QuickCheck", "quick_check_of"]

#: The exact type that all values must have, and a function that returns True if the column stores
#: all of these values as they are.
QuickCheck: TypeAlias = tuple[type[Any], Callable[[Sequence[Any]], bool]]


def quick_check_of(kind: Any, stored: TypeEngine[Any]) -> QuickCheck | None:
    """Return the quick check of a column's values: ``rule_of`` would return each unchanged.

    ``kind`` is the Python type of the column, ``stored`` its SQL type. Return None for a column
    whose values have to be validated one by one.
    """
    if is_user_type(stored):
        return None
    family = family_of(stored)
    if is_closed(kind) and family != "enum":
        return None
    make = _QUICK_CHECKS.get(family)
    return None if make is None else make(stored)


def _integer_check(stored: TypeEngine[Any]) -> QuickCheck:
    low, high = integer_bounds(stored)
    return int, lambda values: low <= min(values) and max(values) <= high


def _text_check(stored: TypeEngine[Any]) -> QuickCheck:
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


def _datetime_check(stored: TypeEngine[Any]) -> QuickCheck | None:
    # With a zone each value is converted to UTC. A type that declares a precision needs a check
    # of each value's fraction.
    if is_zoned(stored) or type(plain_type(stored)) is not sa.DateTime:
        return None
    return datetime, lambda values: all(value.tzinfo is None for value in values)


def _enum_check(stored: TypeEngine[Any]) -> QuickCheck | None:
    plain = plain_type(stored)
    members = stored.values if isinstance(stored, EnumValue) else getattr(plain, "enum_class", None)
    return (members, _accept_all) if isinstance(members, type) else None


def _uuid_check(stored: TypeEngine[Any]) -> QuickCheck | None:
    plain: Any = plain_type(stored)
    return (UUID, _accept_all) if plain.as_uuid else None


def _accept_all(_values: Sequence[Any]) -> bool:
    return True


_QUICK_CHECKS: Final[Mapping[Family, Callable[[TypeEngine[Any]], QuickCheck | None]]] = (
    MappingProxyType(
        {
            "text": _text_check,
            "integer": _integer_check,
            "float": lambda _stored: (float, lambda values: all(map(isfinite, values))),
            "boolean": lambda _stored: (bool, _accept_all),
            "date": lambda _stored: (date, _accept_all),
            "datetime": _datetime_check,
            "enum": _enum_check,
            "uuid": _uuid_check,
        }
    )
)
