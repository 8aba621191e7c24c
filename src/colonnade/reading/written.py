"""Make a schema's objects of the entities that a write has just flushed.

These hold every column of the model already. A statement runs only if the schema has more than
that: relations, SQL expressions or figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import inspect
from sqlalchemy import select as select_rows

from colonnade.database import Prepared, Session
from colonnade.filters import Sources, bound_by_key
from colonnade.loading import Plan
from colonnade.mapping import mapping_of
from colonnade.reading.columns import Columns
from colonnade.reading.program import Program, shapes_of, stitched
from colonnade.reading.rows import validated
from colonnade.reading.terms import terms_of
from colonnade.spec import among_held, chunked, remembered

__all__ = ["fill_written"]

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


async def fill_written(
    session: Session, plan: Plan, items: Sequence[Any], given: Mapping[str, Any] = _NOTHING
) -> list[Any]:
    """Return the schema's objects for flushed entities, in the same order.

    ``given`` are the values that the schema awaits, as ``given_values`` returns them.

    Runs no statement if the model's columns fill the schema; otherwise one for each 10,000
    entities, and one more for each collection in the schema.
    """
    if not items:
        return []
    if _held(plan):
        return validated(plan, list(items) if plan.objects else _trees(plan, items))
    program, key = _by_keys(plan)
    asked = [inspect(item).identity for item in items]
    rows: list[Any] = []
    figures = bound_by_key(given)
    for bound in chunked(asked):
        rows += await session.rows(program.statement, figures | bound)
    found = validated(plan, await program.run(session, rows, terms_of(plan), given))
    by_key = dict(zip((tuple(row[place] for place in key) for row in rows), found, strict=True))
    return [by_key[identity] for identity in asked]


def _held(plan: Plan) -> bool:
    """Return whether the columns of an entity fill the whole schema."""
    beyond = plan.ones or plan.many or plan.measures or (plan.given and plan.objects)
    return not beyond and all(leaf.column is not None for leaf in plan.columns)


def _trees(plan: Plan, items: Sequence[Any]) -> list[Any]:
    """Return a dictionary with the values of the schema's fields for each entity."""
    fields = [(leaf.field, attrgetter(leaf.name)) for leaf in plan.columns]
    given = dict(plan.given)
    return [given | {field: read(item) for field, read in fields} for item in items]


@remembered
def _by_keys(plan: Plan) -> tuple[Program, tuple[int, ...]]:
    """Return the program that reads the plan by primary keys, and the key's indexes in a row."""
    columns = Columns(Sources(plan.model), plan)
    key = columns.key(plan)
    statement: Any = select_rows(*columns.expressions).select_from(plan.model)
    statement = columns.sources.joining(statement)
    statement = statement.where(among_held(plan.model, mapping_of(plan.model).key))
    program = stitched(Prepared(statement), plan, columns, shapes_of(terms_of(plan)))
    return program, key
