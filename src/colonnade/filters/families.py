"""The families of columns that operators apply to, and how errors describe them.

Operators apply to families, not to types, so that a user's own type is treated as the type it
wraps.
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

#: How errors describe a column of each family.
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
    """The families that an operator applies to, and what errors call them together."""

    name: str
    families: frozenset[Family]


_ALL_FAMILIES: Final[frozenset[Family]] = frozenset(FAMILY_LABELS)  # type: ignore[arg-type] # they are its keys

ANY: Final = AppliesTo("any column", _ALL_FAMILIES)
#: Not JSON, since texts that differ may be the same document.
EQUAL: Final = AppliesTo("what can be told equal", _ALL_FAMILIES - {"json"})
#: Columns for IN: not arrays either, since a list of lists would be flattened.
LISTED: Final = AppliesTo("single values", _ALL_FAMILIES - {"json", "array"})
#: Not enums, which databases sort by name, by declaration or by number, and not booleans.
ORDERED: Final = AppliesTo(
    "what has an order", _ALL_FAMILIES - {"json", "array", "enum", "boolean"}
)
TEXTS: Final = AppliesTo("text", frozenset({"text"}))
BOOLEANS: Final = AppliesTo("booleans", frozenset({"boolean"}))
JSON: Final = AppliesTo("JSON", frozenset({"json"}))
ARRAYS: Final = AppliesTo("arrays", frozenset({"array"}))
