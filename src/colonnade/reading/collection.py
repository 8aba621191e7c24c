"""In charge of the statement that reads the children of many parents.

Each child comes with its parent's key, and the children of one parent in order. A limit holds for
each parent: children are ranked among those of the parents asked for, never in the whole table.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, func, inspect
from sqlalchemy import select as select_rows
from sqlalchemy.orm import RelationshipDirection, aliased
from sqlalchemy.sql import and_

from colonnade.database import Prepared
from colonnade.filters import Sources
from colonnade.loading import Nested
from colonnade.mapping import mapping_of
from colonnade.ordering import closed
from colonnade.reading.columns import Columns
from colonnade.spec import Shape, among_held, limiting, narrowed, order_of, remembered
from colonnade.values import equal_as_referred

__all__ = ["Children", "Link", "children_of"]


def children_of(owner: type[Any], nested: Nested, shape: Shape | None) -> Children:
    """Return the statement for the collection ``nested`` of objects of ``owner``.

    It is the same whatever is asked of the owners: one serves every question that reads it.
    """
    return _children(owner, nested, shape)


@remembered
def _children(owner: type[Any], nested: Nested, shape: Shape | None) -> Children:
    return Children(owner, nested, shape)


class Children:
    """The statement for the collection ``nested`` of objects of ``owner``.

    ``columns`` are its columns; ``parent`` is where the parent's key stands among them.
    """

    def __init__(self, owner: type[Any], nested: Nested, shape: Shape | None) -> None:
        link = Link(owner, nested)
        self.columns = Columns(Sources(link.child), nested.plan)
        shape = shape or Shape(link.child)
        self.parent = tuple(self.columns.add(key) for key in link.keys)
        order = link.order(self.columns.sources, shape)
        rank = None
        if shape.limit is not None:
            rank = self.columns.add(func.row_number().over(partition_by=link.keys, order_by=order))
        statement = link.joined(select_rows(*self.columns.expressions))
        statement = statement.where(among_held(link.parent, link.names))
        uncut = Shape(link.child, shape.where)
        statement = narrowed(statement, self.columns.sources, uncut, ordered=False)
        if rank is not None and shape.limit is not None:
            most = limiting(shape.limit, "limit")
            self.statement = Prepared(_ranked(statement, rank, most))
        else:
            self.statement = Prepared(statement.order_by(*order))


class Link:
    """How the children in ``nested`` are found by the key of their parent, an ``owner``.

    ``parent`` is the entity that has the key, in the attributes ``names``: the child itself, where
    a foreign key of its own decides whose it is, or the owner, which is joined then.
    """

    def __init__(self, owner: type[Any], nested: Nested) -> None:
        # The relation's order names the columns of the target itself: only the parent is an alias.
        self.child = nested.relation.target
        foreign = _foreign_key(owner, nested)
        self.parent: Any = self.child if foreign else aliased(owner)
        self.names = foreign or mapping_of(owner).key
        self._relation = getattr(self.parent, nested.relation.name) if not foreign else None
        self._order = inspect(owner).relationships[nested.relation.name].order_by or ()

    @property
    def keys(self) -> list[Any]:
        """The columns of the parent's key."""
        return [getattr(self.parent, name) for name in self.names]

    def joined(self, statement: Any) -> Any:
        """The SELECT, from the children and what has their parent's key."""
        if self._relation is None:
            return statement.select_from(self.child)
        return statement.select_from(self.parent).join(self._relation)

    def order(self, sources: Sources, shape: Shape) -> list[Any]:
        """The order that was asked for, or the relation's own; then the child's key."""
        if shape.order:
            return order_of(closed(self.child, shape.order), None, sources)
        return [*self._order, *(getattr(self.child, name) for name in mapping_of(self.child).key)]


def _ranked(statement: Select[Any], rank: int, most: ColumnElement[int]) -> Select[Any]:
    """The first of each parent's children, in the order in which they were ranked."""
    ranked = statement.subquery()
    place = ranked.c[rank]
    return select_rows(*ranked.c).where(place <= most).order_by(place)


def _foreign_key(owner: type[Any], nested: Nested) -> tuple[str, ...]:
    """The child's attributes that hold the parent's key, if they alone decide whose child it is.

    What Python may find unequal is left to the database, such as two spellings of a text.
    """
    prop: Any = inspect(owner).relationships[nested.relation.name]
    if prop.direction is not RelationshipDirection.ONETOMANY or prop.secondary is not None:
        return ()
    pairs: dict[Any, Any] = dict(prop.local_remote_pairs)
    key = inspect(owner).primary_key
    if set(pairs) != set(key):
        return ()
    if not all(equal_as_referred(one.type, other.type) for one, other in pairs.items()):
        return ()
    joined = and_(*(local == remote for local, remote in pairs.items()))
    if not joined.compare(prop.primaryjoin) and len(pairs) == 1:
        ((local, remote),) = pairs.items()
        joined = remote == local
    if not joined.compare(prop.primaryjoin):
        return ()
    mapper = inspect(nested.relation.target)
    found = [mapper.get_property_by_column(pairs[column]).key for column in key]
    return tuple(found)
