"""How the objects at the end of a relation are found in SQL: all of an owner's, or the first.

A relation to one object that may find several rows is joined to the first of them, in the order
that the relation declares and then by key, so that an owner comes once.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Integer, and_, inspect, literal_column, select
from sqlalchemy.orm import aliased
from sqlalchemy.orm import join as orm_join
from sqlalchemy.sql.selectable import FromGrouping
from sqlalchemy.sql.util import ClauseAdapter

from colonnade.mapping.lifted import LiftedRelation, lifted_target
from colonnade.mapping.model import Relation, mapping_of

__all__ = ["first_of", "linked", "target_of"]


def target_of(relation: Relation) -> Any:
    """Return a new alias of what the relation leads to."""
    if isinstance(relation, LiftedRelation):
        return lifted_target(relation)
    return aliased(relation.target)


def linked(owner: Any, relation: Relation, children: Any) -> tuple[Any, ColumnElement[bool]]:
    """Return where the ``children`` of an owner are selected from, and what ties them to it.

    Both are entities. A link table is part of the first, and so is, of the second, that the rows
    are those of a class which shares its table with others.
    """
    # An outer join keeps the link table on the side of the children.
    found = orm_join(owner, children, getattr(owner, relation.name).of_type(children), isouter=True)
    assert found.onclause is not None
    source: Any = found.right
    return source.element if isinstance(source, FromGrouping) else source, found.onclause


def first_of(owner: Any, relation: Relation, target: Any) -> ColumnElement[bool]:
    """Return the condition that ``target`` is the first of those that the relation leads to."""
    children = target_of(relation)
    source, tied = linked(owner, relation, children)
    key = mapping_of(relation.target).key
    order = [
        *_own_order(owner, relation, children, source),
        *(getattr(children, name) for name in key),
    ]

    def first(name: str) -> Any:
        found = select(getattr(children, name)).select_from(source).where(tied).order_by(*order)
        return found.limit(literal_column("1", Integer)).correlate(owner).scalar_subquery()

    return and_(*(getattr(target, name) == first(name) for name in key))


def _own_order(owner: Any, relation: Relation, children: Any, source: Any) -> list[Any]:
    """Return the order that the relation declares, by the columns of these children."""
    prop: Any = inspect(owner).mapper.relationships[relation.name]
    adapters = [ClauseAdapter(inspect(children).selectable)]
    if relation.secondary is not None:
        adapters.append(ClauseAdapter(source.left))
    order = list(prop.order_by or ())
    for adapter in adapters:
        order = [adapter.traverse(term) for term in order]
    return order
