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

from colonnade.engine import PreparedSelect
from colonnade.errors import NotFound
from colonnade.filters import JoinTree, expand_pairs
from colonnade.mapping import mapping_of
from colonnade.reading.program import Program, build_program, shapes_of
from colonnade.reading.row_assembler import Columns
from colonnade.reading.rows import validate_trees
from colonnade.reading.terms import terms_of
from colonnade.schemas import Plan
from colonnade.session import Session
from colonnade.spec import build_stored_key_in, chunk_keys, remembered

__all__ = ["fill_from_entities", "json_of_entity"]

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


async def fill_from_entities(
    session: Session, plan: Plan, items: Sequence[Any], given: Mapping[str, Any] = _NOTHING
) -> list[Any]:
    """Return the schema's objects for flushed entities, in the same order.

    ``given`` are the values that the schema awaits, as ``find_given_values`` returns them.

    Runs no statement if the model's columns fill the schema; otherwise one for each 10,000
    entities, and one more for each collection in the schema.
    Raises ``NotFound`` if it would have to read a row that a scope hides.
    """
    if not items:
        return []
    # The objects have just been flushed: if they have all that is needed, nothing is read again.
    if _columns_fill(plan):
        return validate_trees(plan, list(items) if plan.objects else _entity_values(plan, items))
    program, key = _program_by_keys(plan)
    asked = [inspect(item).identity for item in items]
    rows: list[Any] = []
    figures = expand_pairs(given)
    for bound in chunk_keys(asked):
        rows += await session.rows(program.statement, figures | bound)
    found = validate_trees(plan, await program.run(session, rows, terms_of(plan), given))
    by_key = dict(zip((tuple(row[place] for place in key) for row in rows), found, strict=True))
    hidden = tuple(identity for identity in asked if identity not in by_key)
    if hidden:
        name, schema = plan.model.__name__, plan.schema.__name__
        raise NotFound(
            f"{schema} cannot be read: the {name} that was written is out of scope now",
            hint="answer with a schema of the model's own columns, or lift the scope by name",
            model=name,
            keys=hidden,
        )
    return [by_key[identity] for identity in asked]


def json_of_entity(plan: Plan, item: object) -> bytes | None:
    """Return the schema's JSON for a flushed entity, by alias; None if it takes a statement.

    It does if the schema has more than the model's columns, and if the object is not as its row is:
    what was called in between may have changed it, or made it expire.
    """
    if not _columns_fill(plan) or not isinstance(item, plan.model):
        return None
    state: Any = inspect(item)
    read = all(leaf.name in state.dict for leaf in plan.columns)
    if state.modified or not state.persistent or not read:
        return None
    (found,) = validate_trees(plan, [item] if plan.objects else _entity_values(plan, [item]))
    return plan.schema.__pydantic_serializer__.to_json(found, by_alias=True)


def _columns_fill(plan: Plan) -> bool:
    """Return whether the columns of an entity fill the whole schema."""
    beyond = plan.ones or plan.many or plan.measures or (plan.given and plan.objects)
    return not beyond and all(leaf.column is not None for leaf in plan.columns)


def _entity_values(plan: Plan, items: Sequence[Any]) -> list[Any]:
    """Return a dictionary with the values of the schema's fields for each entity."""
    fields = [(leaf.field, attrgetter(leaf.name)) for leaf in plan.columns]
    given = dict(plan.given)
    return [given | {field: read(item) for field, read in fields} for item in items]


@remembered
def _program_by_keys(plan: Plan) -> tuple[Program, tuple[int, ...]]:
    """Return the program that reads the plan by primary keys, and the key's indexes in a row."""
    columns = Columns(JoinTree(plan.model), plan)
    key = columns.key_indexes(plan)
    statement: Any = select_rows(*columns.expressions).select_from(plan.model)
    statement = columns.sources.apply_joins(statement)
    statement = statement.where(build_stored_key_in(plan.model, mapping_of(plan.model).key))
    program = build_program(PreparedSelect(statement), plan, columns, shapes_of(terms_of(plan)))
    return program, key
