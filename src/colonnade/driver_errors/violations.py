"""In charge of what a refused write tells: the constraint, its table and its columns.

Each driver tells something else. PostgreSQL has fields for it. MySQL and SQLite have only the
text, whose shape is fixed by the code; it is read from a known place (never searched for a column
name, which would also be found in the statement). What the text lacks the mapping supplies.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["Violation", "parse_mysql", "parse_postgresql", "parse_sqlite"]


@dataclass(frozen=True)
class Violation:
    """What the driver told of a violated constraint; all of it names, none of it values."""

    constraint: str | None = None
    table: str | None = None
    columns: tuple[str, ...] = ()


#: A value out of range, cut, of another type, in letters that the column lacks, too long.
_MYSQL_VALUES: Final = (1264, 1265, 1292, 1366, 1406)
#: Their key may be that of the table referred to; the constraint has the columns of the reference.
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
    """From asyncpg's exception or psycopg's ``diag``: both carry the server's own fields."""
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
    """From the text of a MySQL or MariaDB error, whose shape the code fixes."""
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
    # MariaDB checks by itself that a column of JSON holds some, and names the check after it.
    table, dot, column = (match[1] or "").partition(".")
    columns = (column,) if dot and table == match[2] else ()
    return Violation(match[1] or match[3], match[2], columns)


def parse_sqlite(text: str) -> Violation:
    """From SQLite's text: ``… failed: t.a, t.b``, ``… failed: index 'name'`` or a CHECK's name.

    A foreign key names nothing at all.
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
