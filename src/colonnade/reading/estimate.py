"""In charge of how many rows there may be: PostgreSQL's planner knows without counting."""

from __future__ import annotations

import json
from typing import Any, Final

from sqlalchemy import Executable
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.sql.visitors import InternalTraversal

from colonnade.database import Session
from colonnade.reading.emptiness import is_known_empty
from colonnade.reading.entities import count
from colonnade.spec import Spec, matching

__all__ = ["estimate"]

#: Fewer rows than this are counted: it costs little, and a guess of so few is a poor one.
_FEW: Final = 10_000


class _Guessed(Executable, ClauseElement):
    """What PostgreSQL's planner says of a statement, which does not run."""

    inherit_cache = True
    _traverse_internals = [("statement", InternalTraversal.dp_clauseelement)]  # noqa: RUF012 # SQLAlchemy's own attribute

    def __init__(self, statement: Any) -> None:
        self.statement = statement


@compiles(_Guessed)
def _explain(element: _Guessed, compiler: Any, **options: Any) -> str:
    text = compiler.process(element.statement, **options)
    # The row to come is the plan's, whatever the SELECT says of its own.
    compiler._result_columns.clear()
    return f"EXPLAIN (FORMAT JSON) {text}"


async def estimate(session: Session, spec: Spec) -> int:
    """About how many rows there are: the planner's figure where there is one, else the true one.

    One statement; a second one counts where the planner expects fewer than 10,000 rows.
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
