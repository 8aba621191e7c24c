"""Read objects, or a schema's, batch by batch from a database cursor.

Collections are read for each batch, in a statement each, as they are for a whole list.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from colonnade.engine import PreparedSelect
from colonnade.reading.entities import joins_collection
from colonnade.reading.program import program_of
from colonnade.reading.rows import validate_trees
from colonnade.reading.terms import Terms
from colonnade.schemas import Plan
from colonnade.session import Batches, Session
from colonnade.spec import Spec, select_entities

__all__ = ["BatchCursor", "open_entity_cursor", "open_schema_cursor"]


@dataclass(frozen=True, slots=True)
class BatchCursor:
    """The batches of rows of a database cursor, and the function that makes items of a batch."""

    batches: Batches
    make: Callable[[Sequence[Any]], Awaitable[list[Any]]]

    async def next(self) -> list[Any]:
        """Return the next items; none at the end."""
        rows = await self.batches.next()
        return await self.make(rows) if rows else []

    async def close(self) -> None:
        """Close the cursor."""
        await self.batches.close()


def open_entity_cursor(session: Session, spec: Spec, size: int) -> BatchCursor | None:
    """Return a cursor over the objects of ``spec``, or None if they cannot be read by one.

    That is so if the model joins a collection by itself: an object is then spread over several
    rows, and a batch may end among them. Collections with an order of their own are read for whole
    lists too.
    """
    if spec.shape.sorted or joins_collection(spec.shape.model, spec.shape.load):
        return None
    return BatchCursor(
        session.batches(select_entities(spec), spec.parameters, size=size), _take_entities
    )


def open_schema_cursor(
    session: Session, spec: Spec, plan: Plan, terms: Terms, size: int
) -> BatchCursor:
    """Return a cursor over the schema's objects for the rows that ``spec`` asks for."""
    program = program_of(spec, plan, terms)
    statement: Any = program.statement
    plain = statement.statement if isinstance(statement, PreparedSelect) else statement

    async def make(rows: Sequence[Any]) -> list[Any]:
        return validate_trees(plan, await program.run(session, rows, terms, spec.given))

    return BatchCursor(session.batches(plain, spec.parameters, size=size), make)


async def _take_entities(rows: Sequence[Any]) -> list[Any]:
    return [row[0] for row in rows]
