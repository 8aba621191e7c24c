"""In charge of refused values: whose they are, where neither the driver nor the server says it.

PostgreSQL names no column for a value that is too long, asyncpg counts the arguments that it could
not send, and a column's type knows only itself. The statement knows which value is whose.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Table
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import IntegrityError, OperationalError

from colonnade.errors import ColonnadeError
from colonnade.values import rule_of

__all__ = ["refused_columns"]

#: How asyncpg begins to say which argument it cannot send.
_ARGUMENT: Final = re.compile(r"invalid input for query argument \$(\d+)")


def refused_columns(context: ExceptionContext) -> tuple[str, ...]:
    """Return the columns of the written table whose values could not be had; none if unknown."""
    if isinstance(context.sqlalchemy_exception, IntegrityError | OperationalError):
        return ()
    compiled: Any = getattr(context.execution_context, "compiled", None)
    table = getattr(getattr(compiled, "statement", None), "table", None)
    if not isinstance(table, Table):
        return ()
    argument = _ARGUMENT.search(str(context.original_exception))
    names = compiled.positiontup
    if argument and names:
        # Of several rows in one statement each has the arguments of the first.
        place = (int(argument[1]) - 1) % len(names)
        return tuple(_columns(table, [names[place]]))
    unfit = [name for name, value in _values(context, compiled) if _is_unfit(compiled, name, value)]
    return tuple(_columns(table, unfit))


def _values(context: ExceptionContext, compiled: Any) -> Iterator[tuple[str, Any]]:
    """The names of the statement's parameters and the values that they had."""
    given: Any = getattr(context.execution_context, "compiled_parameters", None)
    if not given:
        # The values were still being prepared.
        found = getattr(context.sqlalchemy_exception, "params", None)
        given = found if isinstance(found, Sequence) else [found]
    for row in given:
        if isinstance(row, Mapping):
            yield from ((name, value) for name, value in row.items() if name in compiled.binds)


def _is_unfit(compiled: Any, name: str, value: Any) -> bool:
    """Whether a value is none of its parameter's type, or the type cannot turn it into one."""
    kind = compiled.binds[name].type
    if value is None:
        return False
    try:
        process: Callable[[Any], Any] | None = kind.dialect_impl(compiled.dialect).bind_processor(
            compiled.dialect
        )
        if process is not None:
            process(value)
        rule_of(Any, kind, writing=True)(value)
    except (ColonnadeError, ValueError, TypeError, LookupError, ArithmeticError):
        # As SQLAlchemy's and SQLModel's types say no; Unfit is a ValueError.
        return True
    return False


def _columns(table: Table, names: Sequence[str]) -> Iterator[str]:
    """The table's columns that parameters are named after, whatever stands before the name."""
    found = []
    for name in names:
        keys = [one.key for one in table.c if name == one.key or name.endswith(f"_{one.key}")]
        if keys:
            found.append(table.c[max(keys, key=len)].name)
    yield from dict.fromkeys(found)
