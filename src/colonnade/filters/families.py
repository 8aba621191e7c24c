"""In charge of the families of columns that an operator fits, and how errors speak of them.

An operator fits families, not types, so that a type of the user's own is served by what it wraps.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from colonnade.values.families import Family, family_of, item_type, plain_type

__all__ = [
    "ANY",
    "ARRAYS",
    "BOOLEANS",
    "EQUAL",
    "FAMILY_LABELS",
    "JSON",
    "LISTED",
    "ORDERED",
    "TEXTS",
    "AppliesTo",
    "Family",
    "family_of",
    "item_type",
    "plain_type",
]

#: How an error speaks of a column of the family.
FAMILY_LABELS: Final = MappingProxyType(
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


@dataclass(frozen=True, slots=True)
class AppliesTo:
    """The families that an operator fits, and what they are called together."""

    name: str
    families: frozenset[Family]


_ALL_FAMILIES: Final[frozenset[Family]] = frozenset(FAMILY_LABELS)  # type: ignore[arg-type] # they are its keys

ANY: Final = AppliesTo("any column", _ALL_FAMILIES)
#: Not JSON, whose text says the same in many ways.
EQUAL: Final = AppliesTo("what can be told equal", _ALL_FAMILIES - {"json"})
#: What IN can list: not arrays either, which a list of lists would flatten.
LISTED: Final = AppliesTo("single values", _ALL_FAMILIES - {"json", "array"})
#: No order on enums (names, declarations or numbers, as the database likes) and booleans.
ORDERED: Final = AppliesTo(
    "what has an order", _ALL_FAMILIES - {"json", "array", "enum", "boolean"}
)
TEXTS: Final = AppliesTo("text", frozenset({"text"}))
BOOLEANS: Final = AppliesTo("booleans", frozenset({"boolean"}))
JSON: Final = AppliesTo("JSON", frozenset({"json"}))
ARRAYS: Final = AppliesTo("arrays", frozenset({"array"}))
