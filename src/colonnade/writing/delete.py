"""In charge of DELETE of one row: in one statement, unless the ORM has to cascade."""

from __future__ import annotations

from typing import Any, TypeAlias

from sqlalchemy import delete as deleting
from sqlalchemy import inspect
from sqlalchemy.orm import RelationshipDirection, RelationshipProperty
from sqlalchemy.orm.attributes import set_committed_value

from colonnade.database import Session
from colonnade.mapping import mapping_of

__all__ = ["delete"]

_Relationship: TypeAlias = RelationshipProperty[Any]


async def delete(session: Session, model: type[Any], key: tuple[Any, ...]) -> bool:
    """Whether there was a row with this key, which is gone now.

    One DELETE. Where a relation cascades through the ORM, or empties the foreign keys of its
    children, the row and those children are read and deleted by the unit of work instead.
    """
    relations = inspect(model).relationships
    if any(map(_by_orm, relations)):
        return await _in_unit(session, model, key, [item for item in relations if _needed(item)])
    names = mapping_of(model).key
    criteria = [getattr(model, name) == value for name, value in zip(names, key, strict=True)]
    await session.flush()
    result: Any = await session.exec(deleting(model).where(*criteria))
    return bool(result.rowcount)


async def _in_unit(
    session: Session, model: type[Any], key: tuple[Any, ...], needed: list[_Relationship]
) -> bool:
    await session.flush()
    identity = key[0] if len(key) == 1 else key
    item = await session.get(model, identity, populate_existing=True)
    if item is None:
        return False
    for relation in needed:
        # The ORM would put NULL where none may be; as if it had no children, the constraint speaks.
        set_committed_value(item, relation.key, [] if relation.uselist else None)
    try:
        await session.delete(item)
        await session.flush()
    except BaseException:
        session.expire(item)
        raise
    return True


def _by_orm(relation: _Relationship) -> bool:
    """Whether a relation leaves to the ORM what becomes of the other side."""
    if relation.viewonly or relation.passive_deletes:
        return False
    if relation.cascade.delete or relation.secondary is not None:
        return True
    return relation.direction is RelationshipDirection.ONETOMANY and _nullable(relation)


def _needed(relation: _Relationship) -> bool:
    """Whether the other side cannot be without this row, and is not deleted with it."""
    if relation.viewonly or relation.passive_deletes or relation.cascade.delete:
        return False
    return relation.direction is RelationshipDirection.ONETOMANY and not _nullable(relation)


def _nullable(relation: _Relationship) -> bool:
    return all(column.nullable for column in relation.remote_side)
