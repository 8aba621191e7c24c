"""Read a schema's objects from rows: only the columns that the schema names are selected.

The rows of all statements are put together by key, and validated at once by Pydantic.
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

__all__ = ["list_adapter_of", "read_schema_objects", "read_schema_objects_with_keys"]


async def read_schema_objects(session: Session, spec: Spec, plan: Plan, terms: Terms) -> list[Any]:
    """Return the schema's objects for the rows that ``spec`` asks for.

    Runs one statement, and one more for each collection in the schema.
    """
    found, _ = await read_schema_objects_with_keys(session, spec, plan, terms)
    return found


async def read_schema_objects_with_keys(
    session: Session, spec: Spec, plan: Plan, terms: Terms
) -> tuple[list[Any], list[tuple[Any, ...]]]:
    """Return the schema's objects and, for a scroll, the values of each one's sort keys.

    Runs the statements of ``fill``.
    """
    program = program_of(spec, plan, terms)
    if is_known_empty(session, spec, lambda: program.statement):
        return [], []
    rows = await session.rows(program.statement, spec.parameters)
    if not rows:
        return [], []
    found = validate_trees(plan, await program.run(session, rows, terms, spec.given))
    return found, [tuple(row[program.width :]) for row in rows] if program.width else []


def validate_trees(plan: Plan, trees: list[Any]) -> list[Any]:
    """Validate what a program made, and return the schema's objects."""
    with CollectionPaused():
        found: list[Any] = validator_of(plan).validate_python(trees, from_attributes=True)
    return found


@memoized
def list_adapter_of(schema: type[BaseModel]) -> TypeAdapter[list[Any]]:
    """Return the adapter that writes a list of the schema's objects as JSON."""
    return TypeAdapter(list[schema])  # type: ignore[valid-type] # a type known at run time only
