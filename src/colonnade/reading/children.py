"""In charge of the statement that reads the children of many parents.

Each child comes with its parent's key, and the children of one parent in order. A limit holds for
each parent: children are ranked among those of the parents asked for, never in the whole table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Select, func, inspect
from sqlalchemy import select as select_rows
from sqlalchemy.orm import RelationshipDirection, aliased
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.sql import and_

from colonnade.engine import PreparedSelect
from colonnade.filters import JoinTree
from colonnade.mapping import Relation, mapping_of
from colonnade.mapping.links import first_of
from colonnade.ordering import SortKey, with_primary_key
from colonnade.reading.row_assembler import Columns
from colonnade.schemas import NestedField
from colonnade.session import Session
from colonnade.spec import (
    Shape,
    among_held,
    apply_shape,
    chunked,
    limiting,
    loader_options,
    order_of,
    remembered,
    unsorted_paths,
)
from colonnade.spec.parameters import LIMIT
from colonnade.values import equal_as_referred

__all__ = ["Children", "Link", "children_of", "load_sorted"]


def children_of(owner: type[Any], nested: NestedField, shape: Shape | None) -> Children:
    """Return the statement for the collection ``nested`` of objects of ``owner``.

    It is the same whatever is asked of the owners: one serves every question that reads it.
    """
    return _children(owner, nested, shape)


@remembered
def _children(owner: type[Any], nested: NestedField, shape: Shape | None) -> Children:
    return Children(owner, nested, shape)


class Children:
    """The statement for the collection ``nested`` of objects of ``owner``.

    ``columns`` are its columns; ``parent`` is where the parent's key stands among them.
    """

    def __init__(self, owner: type[Any], nested: NestedField, shape: Shape | None) -> None:
        link = Link(owner, nested)
        self.columns = Columns(JoinTree(link.child), nested.plan)
        shape = shape or Shape(link.child)
        self.parent = tuple(self.columns.add_expression(key) for key in link.keys)
        order = link.order(self.columns.sources, shape)
        rank = None
        if shape.limit is not None:
            rank = self.columns.add_expression(
                func.row_number().over(partition_by=link.keys, order_by=order)
            )
        statement = link.joined(select_rows(*self.columns.expressions))
        statement = statement.where(among_held(link.parent, link.names))
        uncut = Shape(link.child, shape.where)
        statement = apply_shape(statement, self.columns.sources, uncut, ordered=False)
        if rank is not None and shape.limit is not None:
            most = limiting(shape.limit, LIMIT)
            self.statement = PreparedSelect(_ranked(statement, rank, most))
        else:
            self.statement = PreparedSelect(statement.order_by(*order))


class Link:
    """How the children in ``nested`` are found by the key of their parent, an ``owner``.

    ``parent`` is the entity that has the key, in the attributes ``names``: the child itself, where
    a foreign key of its own decides whose it is, or the owner, which is joined then.
    """

    def __init__(self, owner: type[Any], nested: NestedField) -> None:
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

    def order(self, sources: JoinTree, shape: Shape) -> list[Any]:
        """The order that was asked for, or the relation's own; then the child's key."""
        if shape.order:
            return order_of(with_primary_key(self.child, shape.order), None, sources)
        return [*self._order, *(getattr(self.child, name) for name in mapping_of(self.child).key)]


def _ranked(statement: Select[Any], rank: int, most: ColumnElement[int]) -> Select[Any]:
    """The first of each parent's children, in the order in which they were ranked."""
    ranked = statement.subquery()
    place = ranked.c[rank]
    return select_rows(*ranked.c).where(place <= most).order_by(place)


def _foreign_key(owner: type[Any], nested: NestedField) -> tuple[str, ...]:
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


_Path: TypeAlias = tuple[Relation, ...]


async def load_sorted(session: Session, shape: Shape, items: Sequence[Any]) -> None:
    """Give the objects what ``shape`` has in ``sorted``: a statement for each relation."""
    for path, terms in sorted(shape.sorted, key=lambda item: len(item[0])):
        owners = {inspect(owner).identity: owner for owner in _at(items, path[:-1])}
        model = path[-2].target if path[:-1] else shape.model
        below = tuple(own[len(path) :] for own in shape.load if own[: len(path)] == path)
        inner = tuple(
            (own[len(path) :], ()) for own, _ in shape.sorted if own[: len(path)] == path != own
        )
        statement = _statement(model, path[-1], terms, unsorted_paths(below, inner))
        if _is_met_twice(shape, path):
            # What was read along another path keeps what was loaded along that one.
            statement = statement.execution_options(populate_existing=False)
        children: dict[Any, list[Any]] = {key: [] for key in owners}
        for bound in chunked(list(owners)):
            result = await session.exec(statement, params=bound)
            for child, *key in result.unique():
                children[tuple(key)].append(child)
        for key, owner in owners.items():
            found: Any = children[key]
            if not path[-1].many:
                found = found[0] if found else None
            set_committed_value(owner, path[-1].name, found)


def _at(items: Sequence[Any], path: _Path) -> Iterator[Any]:
    """The objects at the end of a path that is loaded."""
    if not path:
        yield from items
        return
    for item in items:
        found = getattr(item, path[0].name)
        if found is not None:
            yield from _at(list(found) if path[0].many else [found], path[1:])


def _is_met_twice(shape: Shape, path: _Path) -> bool:
    """Whether objects at the end of a path may be among those that are read elsewhere."""
    others = (shape.model, *(own[-1].target for own in shape.load if own != path))
    base = inspect(path[-1].target).base_mapper
    return any(inspect(other).base_mapper is base for other in others)


@remembered
def _statement(
    owner: type[Any], relation: Relation, terms: tuple[SortKey, ...], below: tuple[_Path, ...]
) -> Any:
    parent, child = aliased(owner), relation.target
    sources = JoinTree(child)
    order = order_of(with_primary_key(child, terms) if relation.many else (), None, sources)
    names = mapping_of(owner).key
    statement: Any = (
        select_rows(child, *(getattr(parent, name) for name in names))
        .select_from(parent)
        .join(getattr(parent, relation.name))
        .where(among_held(parent, names))
        .options(*loader_options(child, [path for path in below if path]))
    )
    if not relation.many:
        statement = statement.where(first_of(parent, relation, child))
    return sources.apply_joins(statement).order_by(*order)
