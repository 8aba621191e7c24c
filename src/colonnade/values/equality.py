"""Decide for which columns values are equal in Python exactly where they are in SQL.

Integers, UUIDs, booleans and dates are. Texts are not: a collation, CITEXT and the padding of
CHAR(n) decide for each column, and a foreign key follows its column's decision. Neither are values
of a user's own type, which may be written as others, nor numbers that a cast rounds.
"""

from __future__ import annotations

from sqlalchemy import CHAR
from sqlalchemy.dialects.postgresql import CITEXT
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine

from colonnade.capabilities import capabilities_of
from colonnade.values.families import DIALECTS, family_of, plain_type
from colonnade.values.rules import is_user_type

__all__ = ["equal_as_asked", "equal_as_referred", "may_return_otherwise"]

_EXACT = frozenset({"integer", "uuid", "boolean", "date"})


def equal_as_asked(kind: TypeEngine[object]) -> bool:
    """Return whether ``eq`` finds just the stored values that equal the given one in Python.

    It does for texts too, unless a collation, CITEXT or CHAR(n) decides on some database.
    """
    family = family_of(kind)
    if family in _EXACT:
        return not is_user_type(kind)
    return family == "text" and not is_user_type(kind) and not _has_own_equality(kind)


def equal_as_referred(kind: TypeEngine[object], other: TypeEngine[object]) -> bool:
    """Return whether a foreign key refers to just the ``other`` that equals it in Python.

    Never for texts: the database compares the two columns by their collation, on MariaDB without
    case.
    """
    family = family_of(kind)
    if (
        family not in _EXACT
        or family != family_of(other)
        or is_user_type(kind)
        or is_user_type(other)
    ):
        return False
    return kind.python_type is other.python_type


def may_return_otherwise(kind: TypeEngine[object], value: object, dialect: Dialect) -> bool:
    """Return whether a database may return another value than the one that was written."""
    if is_user_type(kind):
        return True
    plain = plain_type(kind.dialect_impl(dialect))
    if not capabilities_of(dialect.name).pads_char:
        return False
    # PostgreSQL pads a CHAR(n) with spaces, MariaDB strips them.
    return (
        isinstance(plain, CHAR)
        and isinstance(value, str)
        and (len(value) < (plain.length or 1) or value.endswith(" "))
    )


def _has_own_equality(kind: TypeEngine[object]) -> bool:
    """Return whether on some database a collation, CITEXT or CHAR(n) decides what is equal."""
    for dialect in DIALECTS:
        plain = plain_type(kind.dialect_impl(dialect))
        if isinstance(plain, CHAR | CITEXT) or getattr(plain, "collation", None) is not None:
            return True
    return False
