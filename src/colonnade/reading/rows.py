"""In charge of filling schemas from rows: only the columns that the schema names are read.

What came back is stitched by key and validated once, in one go, by Pydantic's own code.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, TypeAdapter

from colonnade.caches import memoized
from colonnade.engine import CollectionPaused
from colonnade.reading.entities import is_known_empty
from colonnade.reading.program import program_of
from colonnade.reading.terms import Terms
from colonnade.schemas import Plan, validator_of
from colonnade.session import Session
from colonnade.spec import Spec

__all__ = ["adapter_of", "fill", "fill_placed"]


async def fill(session: Session, spec: Spec, plan: Plan, terms: Terms) -> list[Any]:
    """The schema's objects for the rows that ``spec`` asks for.

    Runs one statement, and one more for each collection in the schema.
    """
    found, _ = await fill_placed(session, spec, plan, terms)
    return found


async def fill_placed(
    session: Session, spec: Spec, plan: Plan, terms: Terms
) -> tuple[list[Any], list[tuple[Any, ...]]]:
    """The same, and for a scroll each row's keys in its order."""
    program = program_of(spec, plan, terms)
    if is_known_empty(session, spec, lambda: program.statement):
        return [], []
    rows = await session.rows(program.statement, spec.parameters)
    if not rows:
        return [], []
    found = validated(plan, await program.run(session, rows, terms, spec.given))
    return found, [tuple(row[program.width :]) for row in rows] if program.width else []


def validated(plan: Plan, trees: list[Any]) -> list[Any]:
    """The schema's objects, from what a program made."""
    with CollectionPaused():
        found: list[Any] = validator_of(plan).validate_python(trees, from_attributes=True)
    return found


@memoized
def adapter_of(schema: type[BaseModel]) -> TypeAdapter[list[Any]]:
    """What writes a list of the schema's objects as JSON."""
    return TypeAdapter(list[schema])  # type: ignore[valid-type] # a type known at run time only
