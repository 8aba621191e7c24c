"""In charge of refused values: whose they are, where neither the driver nor the server says it.

PostgreSQL names no column for a value that is too long, asyncpg counts the arguments that it could
not send, and a column's type knows only itself. The statement knows which value is whose.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Column, MetaData, Table
from sqlalchemy.engine import Dialect, ExceptionContext

from colonnade.errors import ColonnadeError
from colonnade.values import rule_of

__all__ = ["refused_columns", "written_table"]

#: How asyncpg begins to say which argument it cannot send.
_ARGUMENT: Final = re.compile(r"invalid input for query argument \$(\d+)")
#: How a statement that SQLAlchemy made begins.
_WRITE: Final = re.compile(r"(?:INSERT INTO|UPDATE) ([^\s(]+)")
#: What a type, a driver or a rule raises for a value that it cannot take.
_REFUSALS: Final = (ColonnadeError, ValueError, TypeError, LookupError, ArithmeticError)


def written_table(context: ExceptionContext, metadata: MetaData) -> Table | None:
    """Return the table that the statement writes to, or None if it writes to none that is known."""
    compiled: Any = getattr(context.execution_context, "compiled", None)
    table = getattr(getattr(compiled, "statement", None), "table", None)
    if table is not None or compiled is not None:
        return table if isinstance(table, Table) else None
    # A value was being prepared, and of the statement there is its text.
    match = _WRITE.match(context.statement or "")
    if match is None:
        return None
    name = re.sub(r'["`]', "", match[1])
    return metadata.tables.get(name)


def refused_columns(context: ExceptionContext, table: Table | None) -> tuple[str, ...]:
    """Return the columns of the table whose values could not be had; none if unknown."""
    dialect: Any = context.dialect
    if table is None or dialect is None:
        return ()
    compiled: Any = getattr(context.execution_context, "compiled", None)
    argument = _ARGUMENT.search(str(context.original_exception))
    names = getattr(compiled, "positiontup", None)
    if argument and names:
        # Of several rows in one statement each has the arguments of the first.
        column = _find_column(table, names[(int(argument[1]) - 1) % len(names)])
        return () if column is None else (column.name,)
    found: dict[str, None] = {}
    for name, value in _iterate_values(context):
        column = _find_column(table, name)
        if column is not None and value is not None and not _takes_value(column, value, dialect):
            found[column.name] = None
    return tuple(found)


def _iterate_values(context: ExceptionContext) -> Iterator[tuple[str, Any]]:
    """The names of the statement's parameters and the values that they had."""
    given: Any = getattr(context.execution_context, "compiled_parameters", None)
    if not given:
        given = context.parameters
    for row in given if isinstance(given, Sequence) else [given]:
        if isinstance(row, Mapping):
            yield from row.items()


def _takes_value(column: Column[Any], value: Any, dialect: Dialect) -> bool:
    """Whether a value is one of the column's, and its type can turn it into what is sent."""
    process: Any = column.type.dialect_impl(dialect).bind_processor(dialect)
    try:
        if process is not None:
            process(value)
        rule_of(Any, column.type, writing=True)(value)
    except _REFUSALS:
        return False
    return True


def _find_column(table: Table, name: str) -> Column[Any] | None:
    """The column that a parameter is named after, whatever stands before its name."""
    found = [one for one in table.c if name == one.key or name.endswith(f"_{one.key}")]
    return max(found, key=lambda one: len(one.key), default=None)
