"""Return what an UPDATE sets by itself, for upserts, in which SQLAlchemy does not set it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import ColumnDefault, ColumnElement, literal

from colonnade.models.clock import statement_time

if TYPE_CHECKING:
    from sqlalchemy import Column, Table

__all__ = ["touched"]


def touched(table: Table) -> dict[Column[Any], ColumnElement[Any]]:
    """Return each column of ``table`` with an ``onupdate``, and the expression to set it to.

    ``ON CONFLICT DO UPDATE`` and ``ON DUPLICATE KEY UPDATE`` ignore ``onupdate``; pass them this.
    Call it once for each statement: a callable ``onupdate`` is called now (with None, since there
    is no execution context yet), and all columns of the library's clock get the same time.
    """
    moment = statement_time(None)
    return {
        column: _expression(column, column.onupdate, moment)
        for column in table.columns
        if isinstance(column.onupdate, ColumnDefault)
    }


def _expression(column: Column[Any], default: ColumnDefault, moment: Any) -> ColumnElement[Any]:
    """Return the value of an ``onupdate`` as an SQL expression."""
    if default.is_clause_element:
        return cast("ColumnElement[Any]", default.arg)
    if not default.is_callable:
        return literal(default.arg, column.type)
    call = cast("Callable[[Any], Any]", default.arg)
    return literal(moment if call is statement_time else call(None), column.type)
