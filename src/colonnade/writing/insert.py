"""In charge of INSERT: new rows through the unit of work, so that events and defaults hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from sqlalchemy import inspect, null

from colonnade.database import Session
from colonnade.errors import OutOfScope
from colonnade.mapping import Column, mapping_of
from colonnade.writing.back import read_back

__all__ = ["insert"]

M = TypeVar("M")


async def insert(session: Session, model: type[M], rows: Iterable[Mapping[str, Any]]) -> list[M]:
    """New objects in the order given, flushed, with every column filled.

    One INSERT, or one for each thousand rows or so; one for each row on SQLite, and where a row has
    NULL in a column with a default. Where it returns no defaults, one SELECT for each 10,000 rows.
    """
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
    """The row, in which a NULL that was asked for is not taken for a wish for the default."""
    return {
        name: null()
        if value is None and (columns[name].has_default or columns[name].has_server_default)
        else value
        for name, value in row.items()
    }
