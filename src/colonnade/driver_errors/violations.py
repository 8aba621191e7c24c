"""Read the violated constraint, its table and its columns from a driver's error.

PostgreSQL's errors have fields for them. MySQL's and SQLite's have only a text, whose form is fixed
by the error's code; it is read at a known place, and never searched for the name of a column, which
it may have elsewhere too. ``location`` finds what the error does not name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["Violation", "parse_mysql", "parse_postgresql", "parse_sqlite"]


@dataclass(frozen=True)
class Violation:
    """The names of a violated constraint, its table and its columns, as the driver gave them."""

    constraint: str | None = None
    table: str | None = None
    columns: tuple[str, ...] = ()


#: The codes for a value that is out of range, truncated, of another type, in characters that the
#: column does not have, or too long.
_MYSQL_VALUES: Final = (1264, 1265, 1292, 1366, 1406)
#: The states of foreign keys. The key in their detail may be that of the referred table, so columns
#: are not read from it: the constraint has them.
_REFERENCES: Final = ("23503", "23001")
_KEY_COLUMNS: Final = re.compile(r"^Key \((.*?)\)=")
_MYSQL_DUPLICATE: Final = re.compile(r"for key '(?:([^'.]+)\.)?([^'.]+)'$")
_MYSQL_COLUMN: Final = re.compile(r"^(?:Column|Field) '([^']+)'")
_MYSQL_VALUE: Final = re.compile(r"for column (?:`[^`]*`\.){0,2}[`']([^`']+)[`'] at row \d+$")
_MYSQL_FOREIGN: Final = re.compile(r"`([^`]+)`, CONSTRAINT `([^`]+)` FOREIGN KEY \(([^)]*)\)")
_MYSQL_CHECK: Final = re.compile(
    r"^(?:CONSTRAINT `(.*?)` failed for `.*?`\.`(.*?)`|Check constraint '(.*?)' is violated)"
)


def parse_postgresql(details: Any) -> Violation:
    """Read asyncpg's exception or psycopg's ``diag``: both have the server's own fields."""
    detail = getattr(details, "message_detail", None) or getattr(details, "detail", None) or ""
    column = details.column_name
    match = _KEY_COLUMNS.match(detail)
    columns: tuple[str, ...] = ()
    if column:
        columns = (column,)
    elif match and details.sqlstate not in _REFERENCES:
        columns = tuple(name.strip('" ') for name in match[1].split(","))
    return Violation(details.constraint_name, details.table_name, columns)


def parse_mysql(code: int, text: str) -> Violation:
    """Read the text of a MySQL or MariaDB error, whose form depends on its code."""
    if code in (1062, 1586):
        match = _MYSQL_DUPLICATE.search(text)
        return Violation(match[2], match[1]) if match else Violation()
    if code in (1048, 1364):
        match = _MYSQL_COLUMN.match(text)
        return Violation(columns=(match[1],)) if match else Violation()
    if code in (1451, 1452):
        match = _MYSQL_FOREIGN.search(text)
        if not match:
            return Violation()
        columns = tuple(name.strip("` ") for name in match[3].split(","))
        return Violation(match[2], match[1], columns)
    if code in _MYSQL_VALUES:
        match = _MYSQL_VALUE.search(text)
        return Violation(columns=(match[1],)) if match else Violation()
    match = _MYSQL_CHECK.match(text)
    if not match:
        return Violation()
    # MariaDB has a check of its own for each JSON column, and names it ``table.column``.
    table, dot, column = (match[1] or "").partition(".")
    columns = (column,) if dot and table == match[2] else ()
    return Violation(match[1] or match[3], match[2], columns)


def parse_sqlite(text: str) -> Violation:
    """Read SQLite's text: ``… failed: t.a, t.b``, ``… failed: index 'name'`` or a CHECK's name.

    The error of a foreign key names nothing at all.
    """
    _, _, told = text.partition("constraint failed: ")
    if not told:
        return Violation()
    if told.startswith("index "):
        return Violation(told.removeprefix("index ").strip("'"))
    pairs = [part.rsplit(".", 1) for part in told.split(", ")]
    if all(len(pair) == 2 for pair in pairs):
        return Violation(table=pairs[0][0], columns=tuple(pair[1] for pair in pairs))
    return Violation(told)
