"""In charge of INSERT: new rows through the unit of work, so that events and defaults hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from sqlalchemy import inspect

from colonnade.database import Session

__all__ = ["insert"]

M = TypeVar("M")


async def insert(session: Session, model: type[M], rows: Iterable[Mapping[str, Any]]) -> list[M]:
    """New objects in the order given, flushed, with every column filled.

    One INSERT, or one for each thousand rows or so; where the database returns no defaults, one
    SELECT for each row that has them.
    """
    found = [model(**row) for row in rows]
    session.add_all(found)
    await session.flush()
    for item in found:
        left = inspect(item).expired_attributes
        if left:
            await session.refresh(item, left)
    return found
