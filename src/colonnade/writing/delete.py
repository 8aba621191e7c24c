"""In charge of DELETE of one row: in one statement, unless the ORM has to cascade."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete as deleting

from colonnade.database import Session
from colonnade.mapping import mapping_of
from colonnade.writing.cascades import by_orm, without_needed

__all__ = ["delete"]


async def delete(session: Session, model: type[Any], key: tuple[Any, ...]) -> bool:
    """Whether there was a row with this key, which is gone now.

    One DELETE. Where a relation cascades through the ORM, or empties the foreign keys of its
    children, the row and those children are read and deleted by the unit of work instead.
    """
    await session.flush()
    if by_orm(model):
        return await _in_unit(session, model, key)
    names = mapping_of(model).key
    criteria = [getattr(model, name) == value for name, value in zip(names, key, strict=True)]
    result: Any = await session.exec(deleting(model).where(*criteria))
    return bool(result.rowcount)


async def _in_unit(session: Session, model: type[Any], key: tuple[Any, ...]) -> bool:
    identity = key[0] if len(key) == 1 else key
    item = await session.get(model, identity, populate_existing=True)
    if item is None:
        return False
    without_needed(item)
    try:
        await session.delete(item)
        await session.flush()
    except BaseException:
        session.expire(item)
        raise
    return True
