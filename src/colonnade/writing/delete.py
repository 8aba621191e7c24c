"""In charge of DELETE of one row: in one statement, unless the ORM has to cascade."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete as deleting
from sqlalchemy import select

from colonnade.database import Session
from colonnade.mapping import check_writable, mapping_of
from colonnade.spec import is_key
from colonnade.writing.cascades import by_orm, without_needed
from colonnade.writing.held import forget_deleted, held_key

__all__ = ["delete"]


async def delete(
    session: Session, model: type[Any], key: tuple[Any, ...], version: int | None = None
) -> bool:
    """Delete the row with this key, if it has ``version``; return False if there was none.

    One DELETE. Where the session holds objects of the model, and the database finds keys equal that
    Python does not, a SELECT says which of them it is. Where a relation cascades through the ORM,
    or empties the foreign keys of its children, the row and those children are read and deleted by
    the unit of work instead.
    """
    check_writable(model)
    await session.flush()
    if by_orm(model):
        return await _delete_by_orm(session, model, key, version)
    mapped = mapping_of(model)
    held = await held_key(session, model, key)
    criteria = is_key(model, key)
    if version is not None and mapped.version is not None:
        criteria.append(getattr(model, mapped.version) == version)
    options = {"synchronize_session": False}
    result: Any = await session.exec(deleting(model).where(*criteria), execution_options=options)
    if not result.rowcount:
        return False
    forget_deleted(session, model, held)
    return True


async def _delete_by_orm(
    session: Session, model: type[Any], key: tuple[Any, ...], version: int | None
) -> bool:
    found = await session.scalars(
        select(model).where(*is_key(model, key)), execution_options={"populate_existing": True}
    )
    item = found.unique().one_or_none()
    if item is None:
        return False
    name = mapping_of(model).version
    if version is not None and name is not None and getattr(item, name) != version:
        return False
    without_needed(item)
    try:
        await session.delete(item)
        await session.flush()
    except BaseException:
        session.expire(item)
        raise
    return True
