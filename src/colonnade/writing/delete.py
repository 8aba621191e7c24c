"""In charge of what becomes of the other side of a deleted row, where that is the ORM's job."""

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
from colonnade.spec import Spec, chunked, dml_condition, is_key, keyed
from colonnade.writing.identity_map import evict_deleted, forget_deleted, held_key

__all__ = ["by_orm", "delete", "delete_all", "loading_all", "without_needed"]

_Relationship: TypeAlias = RelationshipProperty[Any]


def by_orm(model: type[Any]) -> bool:
    """Whether deleting an object of the model takes more than a DELETE of its row."""
    mapper: Mapper[Any] = inspect(model)
    return any(map(_by_orm, mapper.relationships)) or any(
        isinstance(item.persist_selectable, Join) for item in mapper.self_and_descendants
    )


def without_needed(item: Any) -> None:
    """Let the constraint speak for children that cannot be without this object.

    The ORM would put NULL where none may be, were they known to it.
    """
    for relation in inspect(type(item)).relationships:
        if _needed(relation):
            set_committed_value(item, relation.key, [] if relation.uselist else None)


def loading_all(model: type[Any]) -> list[ORMOption]:
    """What loads everything that a delete looks at, in a statement for each relation."""
    mapper: Mapper[Any] = inspect(model)
    return _loading(mapper, None, frozenset())


def _loading(mapper: Mapper[Any], above: Any, seen: frozenset[_Relationship]) -> list[ORMOption]:
    options: list[ORMOption] = []
    for relation in filter(_by_orm, mapper.relationships):
        attribute = relation.class_attribute
        circular = relation.mapper is mapper and relation.cascade.delete
        depth = {"recursion_depth": -1} if circular else {}
        load = selectinload if above is None else above.selectinload
        option: Any = load(attribute, **depth)
        options.append(option)
        if relation.cascade.delete and not circular and relation not in seen:
            options += _loading(relation.mapper, option, seen | {relation})
    return options


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


#: Objects that are deleted together, where the ORM has to see them.
_TOGETHER: Final = 1000


async def delete_all(session: Session, spec: Spec) -> int:
    """How many rows the conditions of ``spec`` met, which are gone now.

    One DELETE, and one SELECT for each 10,000 objects of the model that the session holds. Where a
    relation cascades through the ORM, or empties the foreign keys of its children, the keys are
    read and locked, and the rows with those children are read and deleted by the unit of work,
    1,000 at a time.
    """
    model = spec.shape.model
    check_writable(model)
    await session.flush()
    apart = not capabilities_of(session.family).reads_written_table
    if by_orm(model):
        return await _in_unit(session, spec)
    condition, parameters = dml_condition(spec, apart=apart)
    options = {"synchronize_session": False}
    result: Any = await session.exec(
        deleting(model).where(condition), params=parameters, execution_options=options
    )
    await evict_deleted(session, model)
    return int(result.rowcount)


async def _in_unit(session: Session, spec: Spec) -> int:
    model = spec.shape.model
    key = [getattr(model, name) for name in mapping_of(model).key]
    condition, parameters = dml_condition(spec, apart=False)
    statement: Any = select(*key).where(condition).order_by(*key).with_for_update(of=model)
    keys = [tuple(row) for row in (await session.exec(statement, params=parameters)).all()]
    reading = keyed(model, loading_all(model)).execution_options(populate_existing=True)
    for start in range(0, len(keys), _TOGETHER):
        for bound in chunked(keys[start : start + _TOGETHER]):
            await _delete(session, (await session.scalars(reading, bound)).unique().all())
    await evict_deleted(session, model)
    return len(keys)


async def _delete(session: Session, items: Any) -> None:
    try:
        for item in items:
            without_needed(item)
        await session.delete_all(items)
        await session.flush()
    except BaseException:
        for item in items:
            session.expire(item)
        raise
