"""Find the values that columns get which an INSERT or UPDATE does not name.

A default or ``onupdate`` of a foreign key may refer to a row of another tenant, so it is checked
like a value that the statement names.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Column, Table

__all__ = [
    "NOTHING",
    "UNKNOWN",
    "default_value_of",
    "is_computed",
    "may_replace_rows",
    "may_skip_rows",
]

#: The column has no default (or no ``onupdate``).
NOTHING: Final = object()
#: It has one, and only the database, or the row to be written, decides the value.
UNKNOWN: Final = object()

_OPTION: Final = "sqlite_on_conflict"
#: SQLite's conflict clauses with which a statement succeeds though a row is in the way.
_LENIENT: Final = frozenset({"IGNORE", "REPLACE"})


def default_value_of(column: Column[Any], *, updating: bool) -> Any:
    """Return the value that an INSERT or UPDATE which does not name the column puts into it.

    Return ``NOTHING`` or ``UNKNOWN`` if there is none, or it cannot be known. A default that is a
    function is called; the next call may return another value, so this one must be written.
    """
    generator: Any = column.onupdate if updating else column.default
    if generator is None:
        by_server = column.server_onupdate if updating else column.server_default
        return NOTHING if by_server is None else UNKNOWN
    if generator.is_scalar:
        return generator.arg
    if not generator.is_callable:
        return UNKNOWN
    try:
        return generator.arg(None)
    except Exception:  # noqa: BLE001 # a function of the execution context, and there is none yet
        return UNKNOWN


def is_computed(column: Column[Any], *, updating: bool) -> bool:
    """Return whether a Python function makes the value, anew for each row."""
    generator: Any = column.onupdate if updating else column.default
    return generator is not None and bool(generator.is_callable)


def may_skip_rows(table: Any) -> bool:
    """Return whether a constraint of the table lets an INSERT succeed without storing the row."""
    return bool(_LENIENT & _conflict_clauses_of(table))


def may_replace_rows(table: Any) -> bool:
    """Return whether a constraint of the table lets an INSERT delete the row that is in the way."""
    return "REPLACE" in _conflict_clauses_of(table)


def _conflict_clauses_of(table: Any) -> frozenset[str]:
    """Return the conflict clauses (``sqlite_on_conflict_…``) of a table's constraints."""
    if not isinstance(table, Table):
        return frozenset()
    return frozenset(
        str(value).upper()
        for item in (*table.constraints, *table.columns)
        for name, value in item.dialect_kwargs.items()
        if name.startswith(_OPTION)
    )
