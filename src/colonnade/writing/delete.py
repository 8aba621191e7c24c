"""Delete one row, or all rows of a query: by one DELETE, or through the unit of work.

The unit of work deletes where a relation cascades to its children or empties their foreign keys,
which is the ORM's job. Then the row and those children are read first, in a statement for each
relation.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from sqlalchemy import Join, inspect, select
from sqlalchemy import delete as deleting
from sqlalchemy.orm import Mapper, RelationshipDirection, RelationshipProperty, selectinload
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.interfaces import ORMOption

from colonnade.capabilities import capabilities_of
from colonnade.mapping import check_writable, mapping_of
from colonnade.session import Session
from colonnade.spec import (
    Spec,
    build_key_criteria,
    chunk_keys,
    dml_condition,
    select_by_stored_keys,
)
from colonnade.writing.identity_map import evict_deleted, find_held_key, forget_deleted

__all__ = [
    "delete",
    "delete_all",
    "delete_loader_options",
    "empty_required_children",
    "needs_orm_delete",
]

_Relationship: TypeAlias = RelationshipProperty[Any]
#: Objects that are deleted together, where the ORM has to see them.
_ORM_BATCH: Final = 1000


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
    if needs_orm_delete(model):
        return await _delete_by_orm(session, model, key, version)
    mapped = mapping_of(model)
    # Before the DELETE: afterwards the database cannot tell any more which object has this key.
    held = await find_held_key(session, model, key)
    criteria = build_key_criteria(model, key)
    if version is not None and mapped.version is not None:
        criteria.append(getattr(model, mapped.version) == version)
    options = {"synchronize_session": False}
    result: Any = await session.exec(deleting(model).where(*criteria), execution_options=options)
    if not result.rowcount:
        return False
    forget_deleted(session, model, held)
    return True


async def delete_all(session: Session, spec: Spec) -> int:
    """Delete the rows that meet the conditions of ``spec``; return how many there were.

    One DELETE, and one SELECT for each 10,000 objects of the model that the session holds. Where a
    relation cascades through the ORM, or empties the foreign keys of its children, the keys are
    read and locked, and the rows with those children are read and deleted by the unit of work,
    1,000 at a time.
    """
    model = spec.shape.model
    check_writable(model)
    await session.flush()
    apart = not capabilities_of(session.family).reads_written_table
    if needs_orm_delete(model):
        return await _delete_all_by_orm(session, spec)
    condition, parameters = dml_condition(spec, apart=apart)
    # SQLAlchemy's own synchronization would evaluate the conditions in Python, or read the keys
    # first. ``evict_deleted`` asks the database which rows are gone.
    options = {"synchronize_session": False}
    result: Any = await session.exec(
        deleting(model).where(condition), params=parameters, execution_options=options
    )
    await evict_deleted(session, model)
    return int(result.rowcount)


def needs_orm_delete(model: type[Any]) -> bool:
    """Return whether deleting an object of the model takes more than a DELETE of its row."""
    mapper: Mapper[Any] = inspect(model)
    return any(map(_is_orm_cascade, mapper.relationships)) or any(
        isinstance(item.persist_selectable, Join) for item in mapper.self_and_descendants
    )


def empty_required_children(item: Any) -> None:
    """Empty the relations to children that cannot be without this object.

    The ORM would set their foreign keys, which take no NULL, to NULL. Without them in the relation
    it leaves them alone, and the foreign key constraint of the database refuses the delete.
    """
    for relation in inspect(type(item)).relationships:
        if _requires_owner(relation):
            set_committed_value(item, relation.key, [] if relation.uselist else None)


def delete_loader_options(model: type[Any]) -> list[ORMOption]:
    """Return the options that load all that a delete looks at, in a statement for each relation."""
    mapper: Mapper[Any] = inspect(model)
    return _cascade_options(mapper, None, frozenset())


async def _delete_by_orm(
    session: Session, model: type[Any], key: tuple[Any, ...], version: int | None
) -> bool:
    """Read the row with what a delete of it concerns, and delete it through the unit of work."""
    found = await session.scalars(
        select(model).where(*build_key_criteria(model, key)),
        execution_options={"populate_existing": True},
    )
    item = found.unique().one_or_none()
    if item is None:
        return False
    name = mapping_of(model).version
    if version is not None and name is not None and getattr(item, name) != version:
        return False
    empty_required_children(item)
    try:
        await session.delete(item)
        await session.flush()
    except BaseException:
        session.expire(item)
        raise
    return True


async def _delete_all_by_orm(session: Session, spec: Spec) -> int:
    """Delete the rows through the unit of work, 1,000 at a time."""
    model = spec.shape.model
    key = [getattr(model, name) for name in mapping_of(model).key]
    condition, parameters = dml_condition(spec, apart=False)
    statement: Any = select(*key).where(condition).order_by(*key).with_for_update(of=model)
    keys = [tuple(row) for row in (await session.exec(statement, params=parameters)).all()]
    reading = select_by_stored_keys(model, delete_loader_options(model)).execution_options(
        populate_existing=True
    )
    for start in range(0, len(keys), _ORM_BATCH):
        for bound in chunk_keys(keys[start : start + _ORM_BATCH]):
            await _delete_objects(session, (await session.scalars(reading, bound)).unique().all())
    await evict_deleted(session, model)
    return len(keys)


async def _delete_objects(session: Session, items: Any) -> None:
    """Delete these objects and flush; expire them if the flush fails."""
    try:
        for item in items:
            empty_required_children(item)
        await session.delete_all(items)
        await session.flush()
    except BaseException:
        # Their relations were emptied by without_needed: read them anew.
        for item in items:
            session.expire(item)
        raise


def _cascade_options(
    mapper: Mapper[Any], above: Any, seen: frozenset[_Relationship]
) -> list[ORMOption]:
    options: list[ORMOption] = []
    for relation in filter(_is_orm_cascade, mapper.relationships):
        attribute = relation.class_attribute
        circular = relation.mapper is mapper and relation.cascade.delete
        # A model that cascades to itself, such as a tree, is loaded down to its leaves.
        depth = {"recursion_depth": -1} if circular else {}
        load = selectinload if above is None else above.selectinload
        option: Any = load(attribute, **depth)
        options.append(option)
        if relation.cascade.delete and not circular and relation not in seen:
            options += _cascade_options(relation.mapper, option, seen | {relation})
    return options


def _is_orm_cascade(relation: _Relationship) -> bool:
    """Return whether a relation leaves to the ORM what becomes of the other side."""
    if relation.viewonly or relation.passive_deletes:
        return False
    if relation.cascade.delete or relation.secondary is not None:
        return True
    return relation.direction is RelationshipDirection.ONETOMANY and _takes_null(relation)


def _requires_owner(relation: _Relationship) -> bool:
    """Return whether the other side cannot be without this row, and is not deleted with it."""
    if relation.viewonly or relation.passive_deletes or relation.cascade.delete:
        return False
    return relation.direction is RelationshipDirection.ONETOMANY and not _takes_null(relation)


def _takes_null(relation: _Relationship) -> bool:
    """Return whether the foreign key on the other side takes NULL."""
    return all(column.nullable for column in relation.remote_side)
