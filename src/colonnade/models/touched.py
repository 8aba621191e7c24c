"""What an UPDATE sets by itself, for the statements that SQLAlchemy does not take for one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import ColumnDefault, ColumnElement, literal

from colonnade.models.clock import statement_time

if TYPE_CHECKING:
    from sqlalchemy import Column, Table

__all__ = ["touched"]


def touched(table: Table) -> dict[Column[Any], ColumnElement[Any]]:
    """Each column of ``table`` that has an ``onupdate``, with the expression to set it to.

    For ``ON CONFLICT DO UPDATE`` and ``ON DUPLICATE KEY UPDATE``, which skip ``onupdate``. Call it
    once a statement: a callable is run now (without an execution context, which there is not
    yet), and every column kept by the library's clock gets one and the same moment.
    """
    moment = statement_time(None)
    return {
        column: _expression(column, column.onupdate, moment)
        for column in table.columns
        if isinstance(column.onupdate, ColumnDefault)
    }


def _expression(column: Column[Any], default: ColumnDefault, moment: Any) -> ColumnElement[Any]:
    if default.is_clause_element:
        return cast("ColumnElement[Any]", default.arg)
    if not default.is_callable:
        return literal(default.arg, column.type)
    call = cast("Callable[[Any], Any]", default.arg)
    return literal(moment if call is statement_time else call(None), column.type)
