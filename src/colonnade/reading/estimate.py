"""Estimate how many rows match: PostgreSQL's planner knows it without counting."""

from __future__ import annotations

import json
from typing import Any, Final

from sqlalchemy import Executable
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.sql.visitors import InternalTraversal

from colonnade._compat.sqlalchemy_compiled import forget_result_columns
from colonnade.database import Session
from colonnade.reading.emptiness import is_known_empty
from colonnade.reading.entities import count
from colonnade.spec import Spec, matching

__all__ = ["estimate"]

#: Below this estimate rows are counted: that costs little, and small estimates are often wrong.
_FEW: Final = 10_000


class _Guessed(Executable, ClauseElement):
    """An EXPLAIN of a SELECT, which returns the planner's estimates without running it."""

    inherit_cache = True
    _traverse_internals = [("statement", InternalTraversal.dp_clauseelement)]  # noqa: RUF012 # SQLAlchemy's own attribute

    def __init__(self, statement: Any) -> None:
        self.statement = statement


@compiles(_Guessed)
def _explain(element: _Guessed, compiler: Any, **options: Any) -> str:
    text = compiler.process(element.statement, **options)
    # The row is that of the plan, so the types of the SELECT's columns do not apply.
    forget_result_columns(compiler)
    return f"EXPLAIN (FORMAT JSON) {text}"


async def estimate(session: Session, spec: Spec) -> int:
    """Return about how many rows match: an estimate on PostgreSQL, elsewhere the exact count.

    Runs one statement; on PostgreSQL a second one, which counts, if the planner expects fewer than
    10,000 rows.
    """
    if is_known_empty(session, spec, lambda: matching(spec)):
        return 0
    if session.family == "postgresql":
        told = await session.scalar(_Guessed(matching(spec)), spec.parameters)
        plans = json.loads(told) if isinstance(told, str) else told
        rows = int(plans[0]["Plan"]["Plan Rows"])
        if rows >= _FEW:
            return rows
    return await count(session, spec)
