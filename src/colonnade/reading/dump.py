"""Read JSON: written by the database where it can, else by the schema's serializer from rows."""

from __future__ import annotations

from typing import Any

from colonnade.reading.document import read_array, read_objects
from colonnade.reading.rows import (
    list_adapter_of,
    read_schema_objects,
    read_schema_objects_with_keys,
)
from colonnade.reading.terms import Terms
from colonnade.schemas import Plan
from colonnade.session import Session
from colonnade.spec import Spec

__all__ = ["json_array", "json_objects"]


async def json_array(session: Session, spec: Spec, plan: Plan, terms: Terms) -> bytes:
    """Return a JSON array of the objects. Runs one statement, or those that rows take.

    Runs both, if the database wrote a value that only Python can write (see
    ``documents.forms_sql``).
    """
    written = await read_array(session, spec, plan, terms)
    if written is not None:
        return written
    found = await read_schema_objects(session, spec, plan, terms)
    return list_adapter_of(plan.schema).dump_json(found, by_alias=True)


async def json_objects(
    session: Session, spec: Spec, plan: Plan, terms: Terms
) -> tuple[list[bytes], list[tuple[Any, ...]]]:
    """Return each object as JSON and, for a scroll, the values of its sort keys.

    Without collections the rows are read: it is cheaper to serialize them here than to have the
    database write them.
    """
    if plan.collects:
        written = await read_objects(session, spec, plan, terms)
        if written is not None:
            return written
    serializer = plan.schema.__pydantic_serializer__
    found, keys = await read_schema_objects_with_keys(session, spec, plan, terms)
    return [serializer.to_json(item, by_alias=True) for item in found], keys
