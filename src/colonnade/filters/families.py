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
