"""In charge of reading as it goes: objects, or a schema's, from a cursor of the database's.

Collections are read for each batch, in a statement each, as they are for a whole list.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from colonnade.engine import PreparedSelect
from colonnade.reading.entities import repeats_rows
from colonnade.reading.program import program_of
from colonnade.reading.rows import validated
from colonnade.reading.terms import Terms
from colonnade.schemas import Plan
from colonnade.session import Batches, Session
from colonnade.spec import Spec, select_entities

__all__ = ["Cursor", "stream", "stream_rows"]


@dataclass(frozen=True, slots=True)
class Cursor:
    """Batches of rows, and what is made of each."""

    batches: Batches
    make: Callable[[Sequence[Any]], Awaitable[list[Any]]]

    async def next(self) -> list[Any]:
        """The next items; none at the end."""
        rows = await self.batches.next()
        return await self.make(rows) if rows else []

    async def close(self) -> None:
        """No more will be asked for."""
        await self.batches.close()


def stream(session: Session, spec: Spec, size: int) -> Cursor | None:
    """The objects that ``spec`` asks for, unless the model joins collections by itself.

    Nobody knows then where an object ends before the next one begins. Collections with an order of
    their own are read for whole batches too.
    """
    if spec.shape.sorted or repeats_rows(spec.shape.model, spec.shape.load):
        return None
    return Cursor(session.batches(select_entities(spec), spec.parameters, size=size), _first)


def stream_rows(session: Session, spec: Spec, plan: Plan, terms: Terms, size: int) -> Cursor:
    """The schema's objects for the rows that ``spec`` asks for."""
    program = program_of(spec, plan, terms)
    statement: Any = program.statement
    plain = statement.statement if isinstance(statement, PreparedSelect) else statement

    async def make(rows: Sequence[Any]) -> list[Any]:
        return validated(plan, await program.run(session, rows, terms, spec.given))

    return Cursor(session.batches(plain, spec.parameters, size=size), make)


async def _first(rows: Sequence[Any]) -> list[Any]:
    return [row[0] for row in rows]
