"""Find the columns of refused values where neither the driver nor the server names them.

PostgreSQL names no column for a value that is too long, asyncpg gives the number of the argument
that it could not send, and a column's type does not know the column's name. The statement knows
which value belongs to which column.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Column, MetaData, Table
from sqlalchemy.engine import Dialect, ExceptionContext

from colonnade.errors import ColonnadeError
from colonnade.values import is_user_type, plain_type, rule_of

__all__ = ["refused_columns", "written_table"]

#: How asyncpg's message for an argument that it cannot send begins.
_ARGUMENT: Final = re.compile(r"invalid input for query argument \$(\d+)")
#: How an INSERT or UPDATE that SQLAlchemy compiled begins.
_WRITE: Final = re.compile(r"(?:INSERT INTO|UPDATE) ([^\s(]+)")
#: The errors that a type, a driver or a rule raises for a value that it does not take.
_REFUSALS: Final = (ColonnadeError, ValueError, TypeError, LookupError, ArithmeticError)


def written_table(context: ExceptionContext, metadata: MetaData) -> Table | None:
    """Return the table that the statement writes to; None if it writes to none of ``metadata``."""
    compiled: Any = getattr(context.execution_context, "compiled", None)
    table = getattr(getattr(compiled, "statement", None), "table", None)
    if table is not None or compiled is not None:
        return table if isinstance(table, Table) else None
    # The error came while values were prepared: only the text of the statement is known by then.
    match = _WRITE.match(context.statement or "")
    if match is None:
        return None
    name = re.sub(r'["`]', "", match[1])
    return metadata.tables.get(name)


def refused_columns(context: ExceptionContext, table: Table | None) -> tuple[str, ...]:
    """Return the names of the columns whose values were refused; empty if that is unknown.

    asyncpg gives the number of the argument. Otherwise every value is tried against its column.
    """
    dialect: Any = context.dialect
    if table is None or dialect is None:
        return ()
    compiled: Any = getattr(context.execution_context, "compiled", None)
    argument = _ARGUMENT.search(str(context.original_exception))
    names = getattr(compiled, "positiontup", None)
    if argument and names:
        # An INSERT of several rows repeats the arguments of the first row.
        column = _find_column(table, names[(int(argument[1]) - 1) % len(names)])
        return () if column is None else (column.name,)
    found: dict[str, None] = {}
    for name, value in _iterate_values(context):
        column = _find_column(table, name)
        if column is not None and value is not None and not _takes_value(column, value, dialect):
            found[column.name] = None
    return tuple(found)


def _iterate_values(context: ExceptionContext) -> Iterator[tuple[str, Any]]:
    """Yield the names and the values of the statement's parameters, row by row."""
    given: Any = getattr(context.execution_context, "compiled_parameters", None)
    if not given:
        given = context.parameters
    for row in given if isinstance(given, Sequence) else [given]:
        if isinstance(row, Mapping):
            yield from row.items()


def _takes_value(column: Column[Any], value: Any, dialect: Dialect) -> bool:
    """Return whether the value fits the column, and the column's type can convert it."""
    process: Any = column.type.dialect_impl(dialect).bind_processor(dialect)
    try:
        sent = value if process is None else process(value)
        rule_of(Any, column.type, writing=True)(value)
        if is_user_type(column.type) and type(sent) in (str, int):
            # What it has made of the value has to fit what it wraps.
            rule_of(Any, plain_type(column.type), writing=True)(sent)
    except _REFUSALS:
        return False
    return True


def _find_column(table: Table, name: str) -> Column[Any] | None:
    """Return the column that a parameter is named after; SQLAlchemy may put a prefix before it."""
    found = [one for one in table.c if name == one.key or name.endswith(f"_{one.key}")]
    return max(found, key=lambda one: len(one.key), default=None)
