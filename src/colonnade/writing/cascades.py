"""In charge of what becomes of the other side of a deleted row, where that is the ORM's job."""

from __future__ import annotations

from typing import Any, TypeAlias

from sqlalchemy import Join, inspect
from sqlalchemy.orm import Mapper, RelationshipDirection, RelationshipProperty, selectinload
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.interfaces import ORMOption

__all__ = ["by_orm", "loading_all", "without_needed"]

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
