"""In charge of DELETE of one row: in one statement, unless the ORM has to cascade."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete as deleting
from sqlalchemy import inspect
from sqlalchemy.orm import Mapper

from colonnade.database import Session
from colonnade.mapping import mapping_of

__all__ = ["delete"]


async def delete(session: Session, model: type[Any], key: tuple[Any, ...]) -> bool:
    """Whether there was a row with this key, which is gone now.

    One DELETE. Where a relation cascades through the ORM, or empties the foreign keys of its
    children, the row and those children are read and deleted by the unit of work instead.
    """
    if _cascades(inspect(model)):
        item = await session.get(model, key[0] if len(key) == 1 else key)
        if item is None:
            return False
        await session.delete(item)
        await session.flush()
        return True
    names = mapping_of(model).key
    criteria = [getattr(model, name) == value for name, value in zip(names, key, strict=True)]
    await session.flush()
    result: Any = await session.execute(deleting(model).where(*criteria))
    return bool(result.rowcount)


def _cascades(mapper: Mapper[Any]) -> bool:
    """Whether a relation leaves to the ORM what becomes of the other side."""
    return any(
        not relation.passive_deletes and not relation.viewonly
        for relation in mapper.relationships
        if relation.direction.name != "MANYTOONE"
    )
