"""Name the bind parameters of every statement that is built here, so that no two names can meet.

A statement binds values of several kinds: those of its conditions, of the conditions of the rows
that it groups, of the position where a page begins, of the limits, and in an UPDATE those that are
set. Each kind has a prefix or a name of its own. What a schema awaits (``Given``) and the value of
a scope are named by whoever declares them.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "AGGREGATE_VALUE",
    "ASKED_KEYS",
    "CONDITION_VALUE",
    "LIMIT",
    "OFFSET",
    "ROW_CONDITION_VALUE",
    "SET_VALUE",
    "WHERE_VALUE",
    "name_in_collection",
    "name_key_column",
    "name_key_value",
    "name_position",
]

#: The prefix of the values of a statement's conditions, numbered in the order of the conditions.
CONDITION_VALUE: Final = "v"
#: The same for the conditions of rows that the statement groups.
ROW_CONDITION_VALUE: Final = "r"
#: The same for the conditions of one aggregate, until they are made unique in its statement.
AGGREGATE_VALUE: Final = "aggregate_"
#: The prefixes of the values of an UPDATE or DELETE: those that are set, by column, and those that
#: say which rows. ``unused_prefix`` keeps them apart from the names of columns.
SET_VALUE: Final = "set_"
WHERE_VALUE: Final = "where_"
#: A list of keys that are asked for at once.
ASKED_KEYS: Final = "keys"
LIMIT: Final = "limit"
OFFSET: Final = "offset"


def name_position(number: int) -> str:
    """Return the name of a sort key's value at the position where a page begins."""
    return f"k{number}"


def name_key_column(place: int) -> str:
    """Return the name of one column of ``ASKED_KEYS``, for keys of several columns."""
    return f"{ASKED_KEYS}_{place}"


def name_key_value(number: int, place: int) -> str:
    """Return the name of one column's value of one key, where each is a parameter of its own."""
    return f"key_{number}_{place}"


def name_in_collection(number: int, name: str) -> str:
    """Return the name that a parameter has in the subquery of the collection with this number."""
    return f"t{number}{name}"
