"""In charge of INSERT of new rows: past the unit of work where that does no more, else through it.

Events, validators, defaults and scopes hold either way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import inspect, null

from colonnade.database import Session
from colonnade.database.inserts import insert_objects, insert_rows
from colonnade.errors import OutOfScope
from colonnade.mapping import Column, mapping_of
from colonnade.models.mutable_json import track_documents
from colonnade.writing.back import read_back
from colonnade.writing.complete import complete
from colonnade.writing.plain import is_plain, returns_rows

__all__ = ["insert", "insert_unseen"]

M = TypeVar("M")


async def insert(session: Session, model: type[M], rows: Sequence[dict[str, Any]]) -> list[M]:
    """Return new objects in the order given, flushed, with every column filled.

    One INSERT for each thousand rows or so that have values for the same columns; on SQLite one
    more, for the first. Where the unit of work has to write them: one for each row on SQLite, and
    where a row has NULL in a column with a default; and where it returns no defaults, one SELECT
    for each 10,000 rows. The rows are completed in place.
    """
    if len(rows) < 2 or not is_plain(session, model, rows) or not await returns_rows(session):
        return await _in_unit(session, model, rows)
    await session.flush()
    given = [tuple(row) for row in rows]
    complete(model, rows)
    found: list[Any] = await session.run_sync(insert_objects, inspect(model), rows)
    for item, names in zip(found, given, strict=True):
        item.model_fields_set.update(names)
    track_documents(model, found)
    return found


async def insert_unseen(session: Session, model: type[Any], rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows of which the session will hold no object.

    One INSERT for the rows that have values for the same columns, sent with the driver's
    ``executemany``. Where the unit of work has to write them, it does so as in ``insert``. The rows
    are completed in place.
    """
    if not rows:
        return
    if not is_plain(session, model, rows):
        await _in_unit(session, model, rows)
        return
    await session.flush()
    complete(model, rows)
    await session.run_sync(insert_rows, inspect(model), rows)


async def _in_unit(session: Session, model: type[M], rows: Sequence[Mapping[str, Any]]) -> list[M]:
    columns = mapping_of(model).columns
    found = [model(**_told(row, columns)) for row in rows]
    session.add_all(found)
    try:
        await session.flush()
    except OutOfScope:
        # Refused before anything was sent: the unit goes on without them.
        for item in found:
            session.expunge(item)
        raise
    states = [inspect(item) for item in found]
    await read_back(session, model, [item.identity for item in states if item.expired_attributes])
    return found


def _told(row: Mapping[str, Any], columns: Mapping[str, Column]) -> dict[str, Any]:
    """Return the row, in which NULL that was asked for does not mean the default."""
    return {
        name: null()
        if value is None and (columns[name].has_default or columns[name].has_server_default)
        else value
        for name, value in row.items()
    }
