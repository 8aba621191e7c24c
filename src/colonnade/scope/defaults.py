"""In charge of what a row gets that nobody names: values that columns fill in by themselves.

A default may give a parent of another tenant, so it is looked at like a value that somebody named.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Column, Table

__all__ = ["NOTHING", "UNKNOWN", "is_computed", "lenient", "replaces", "value_by_itself"]

#: Nothing fills the column in.
NOTHING: Final = object()
#: Something does, and only the database knows with what.
UNKNOWN: Final = object()

_OPTION: Final = "sqlite_on_conflict"
#: What SQLite does with a row that is in the way, and the statement still succeeds.
_LENIENT: Final = frozenset({"IGNORE", "REPLACE"})


def value_by_itself(column: Column[Any], *, updating: bool) -> Any:
    """Return what an INSERT or UPDATE that does not name the column puts into it.

    A function is called, and may answer otherwise the next time: what it answered must be written.
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
    except Exception:  # noqa: BLE001 # it asks for the row that is written, and there is none yet
        return UNKNOWN


def is_computed(column: Column[Any], *, updating: bool) -> bool:
    """Whether a function of the program's makes the value, each time anew."""
    generator: Any = column.onupdate if updating else column.default
    return generator is not None and bool(generator.is_callable)


def lenient(table: Any) -> bool:
    """Whether an INSERT may succeed and leave the row out, as the table's constraints say."""
    return bool(_LENIENT & _on_conflict(table))


def replaces(table: Any) -> bool:
    """Whether an INSERT deletes the row that is in the way, as the table's constraints say."""
    return "REPLACE" in _on_conflict(table)


def _on_conflict(table: Any) -> frozenset[str]:
    if not isinstance(table, Table):
        return frozenset()
    return frozenset(
        str(value).upper()
        for item in (*table.constraints, *table.columns)
        for name, value in item.dialect_kwargs.items()
        if name.startswith(_OPTION)
    )
