"""Mixins, column types and naming conventions for plain SQLModel tables.

Mixins: ``IntegerKey``, ``UUIDKey``, ``Timestamps``, ``SoftDelete`` and ``Versioned``. Column types:
``DateTimeUTC``, ``EnumValue``, ``ExactDecimal`` and ``MutableJSON``. Each works without the rest of
the library, in any session of SQLAlchemy.
"""

from __future__ import annotations

from colonnade.models.datetime_utc import DateTimeUTC
from colonnade.models.enum_value import EnumValue
from colonnade.models.exact_decimal import ExactDecimal
from colonnade.models.full_text import FullText, full_text, full_text_of
from colonnade.models.mixins import (
    IntegerKey,
    SoftDelete,
    Timestamps,
    UUIDKey,
    Versioned,
    touched,
    utc_now,
    uuid7,
)
from colonnade.models.mutable_json import MutableJSON
from colonnade.models.naming import (
    NAMING_CONVENTION,
    POSTGRESQL_NAMES,
    check_names,
    install_naming_convention,
    unnamed_constraints,
)

__all__ = [
    "NAMING_CONVENTION",
    "POSTGRESQL_NAMES",
    "DateTimeUTC",
    "EnumValue",
    "ExactDecimal",
    "FullText",
    "IntegerKey",
    "MutableJSON",
    "SoftDelete",
    "Timestamps",
    "UUIDKey",
    "Versioned",
    "check_names",
    "full_text",
    "full_text_of",
    "install_naming_convention",
    "touched",
    "unnamed_constraints",
    "utc_now",
    "uuid7",
]
