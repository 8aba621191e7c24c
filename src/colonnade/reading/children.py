"""Build and run the statements that read the children of many parents at once.

``ChildrenStatement`` is the statement for a collection of a schema. Each child comes with its
parent's key, and the children of one parent in order. A limit holds for each parent: children are
ranked among those of the parents asked for, never in the whole table. ``load_sorted`` gives
entities the relations that SQLAlchemy's loaders cannot: collections in an order of their own, and
the first of several objects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Select, func, inspect
from sqlalchemy import select as select_rows
from sqlalchemy.orm import RelationshipDirection, aliased
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.sql import and_

from colonnade.engine import PreparedSelect
from colonnade.filters import JoinTree
from colonnade.mapping import Relation, mapping_of
from colonnade.mapping.links import build_first_condition
from colonnade.ordering import SortKey, with_primary_key
from colonnade.reading.row_assembler import Columns
from colonnade.schemas import NestedField
from colonnade.session import Session
from colonnade.spec import (
    Shape,
    apply_shape,
    build_order_by,
    build_stored_key_in,
    chunk_keys,
    loader_options,
    make_limit,
    remembered,
    unsorted_paths,
)
from colonnade.spec.parameters import LIMIT
from colonnade.values import equal_as_referred

__all__ = ["ChildrenStatement", "ParentLink", "children_of", "load_sorted"]

_Path: TypeAlias = tuple[Relation, ...]


def children_of(owner: type[Any], nested: NestedField, shape: Shape | None) -> ChildrenStatement:
    """Return the statement for the collection ``nested`` of objects of ``owner``.

    It is the same whatever is asked of the owners: one serves every question that reads it.
    """
    return _cached_children(owner, nested, shape)


class ChildrenStatement:
    """The statement for the collection ``nested`` of objects of ``owner``.

    ``columns`` are its columns; ``parent`` is where the parent's key stands among them.
    """

    def __init__(self, owner: type[Any], nested: NestedField, shape: Shape | None) -> None:
        link = ParentLink(owner, nested)
        self.columns = Columns(JoinTree(link.child), nested.plan)
        shape = shape or Shape(link.child)
        self.parent = tuple(self.columns.add_expression(key) for key in link.keys)
        order = link.order(self.columns.sources, shape)
        rank = None
        if shape.limit is not None:
            # LIMIT would hold for all children together: each parent's are numbered instead.
            rank = self.columns.add_expression(
                func.row_number().over(partition_by=link.keys, order_by=order)
            )
        statement = link.joined(select_rows(*self.columns.expressions))
        statement = statement.where(build_stored_key_in(link.parent, link.names))
        # Only the conditions: order and limit are those of the link and of the rank.
        uncut = Shape(link.child, shape.where)
        statement = apply_shape(statement, self.columns.sources, uncut, ordered=False)
        if rank is not None and shape.limit is not None:
            most = make_limit(shape.limit, LIMIT)
            self.statement = PreparedSelect(_limit_by_rank(statement, rank, most))
        else:
            self.statement = PreparedSelect(statement.order_by(*order))


class ParentLink:
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
        """Return the SELECT with its FROM: the children, and the parent if it has the key."""
        if self._relation is None:
            return statement.select_from(self.child)
        return statement.select_from(self.parent).join(self._relation)

    def order(self, sources: JoinTree, shape: Shape) -> list[Any]:
        """Return the order that was asked for, or the relation's own; then the child's key."""
        if shape.order:
            return build_order_by(with_primary_key(self.child, shape.order), None, sources)
        return [*self._order, *(getattr(self.child, name) for name in mapping_of(self.child).key)]


async def load_sorted(
    session: Session, shape: Shape, items: Sequence[Any], reading: Mapping[str, Any]
) -> None:
    """Set the relations in ``shape.sorted`` on the objects. Runs a statement for each relation.

    ``reading`` is ``one_reading()`` from before the objects were read.
    """
    # Shorter paths first: the objects at their ends own what the longer paths lead to.
    for path, terms in sorted(shape.sorted, key=lambda item: len(item[0])):
        owners = {inspect(owner).identity: owner for owner in _objects_at(items, path[:-1])}
        model = path[-2].target if path[:-1] else shape.model
        # With the children come the relations below them, but those with an order of their own.
        below = tuple(own[len(path) :] for own in shape.load if own[: len(path)] == path)
        inner = tuple(
            (own[len(path) :], ()) for own, _ in shape.sorted if own[: len(path)] == path != own
        )
        statement = _build_sorted_statement(model, path[-1], terms, unsorted_paths(below, inner))
        children: dict[Any, list[Any]] = {key: [] for key in owners}
        for bound in chunk_keys(list(owners)):
            result = await session.exec(statement, params=bound, execution_options=reading)
            for child, *key in result.unique():
                children[tuple(key)].append(child)
        for key, owner in owners.items():
            found: Any = children[key]
            if not path[-1].many:
                found = found[0] if found else None
            set_committed_value(owner, path[-1].name, found)


@remembered
def _cached_children(
    owner: type[Any], nested: NestedField, shape: Shape | None
) -> ChildrenStatement:
    return ChildrenStatement(owner, nested, shape)


def _limit_by_rank(statement: Select[Any], rank: int, most: ColumnElement[int]) -> Select[Any]:
    """Return the SELECT of the first ``most`` of each parent's children, by their rank."""
    ranked = statement.subquery()
    place = ranked.c[rank]
    return select_rows(*ranked.c).where(place <= most).order_by(place)


def _foreign_key(owner: type[Any], nested: NestedField) -> tuple[str, ...]:
    """Return the child's attributes that hold the parent's key, if they alone decide whose it is.

    Return nothing where Python may find keys unequal that the database finds equal, such as two
    spellings of a text: then the owner is joined, and its own key is read.
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
    # With any further condition in the join the foreign key alone would find too many children.
    joined = and_(*(local == remote for local, remote in pairs.items()))
    if not joined.compare(prop.primaryjoin) and len(pairs) == 1:
        ((local, remote),) = pairs.items()
        joined = remote == local
    if not joined.compare(prop.primaryjoin):
        return ()
    mapper = inspect(nested.relation.target)
    found = [mapper.get_property_by_column(pairs[column]).key for column in key]
    return tuple(found)


@remembered
def _build_sorted_statement(
    owner: type[Any], relation: Relation, terms: tuple[SortKey, ...], below: tuple[_Path, ...]
) -> Any:
    """Return the SELECT of the objects at the end of a relation, each with its owner's key."""
    parent, child = aliased(owner), relation.target
    sources = JoinTree(child)
    order = build_order_by(with_primary_key(child, terms) if relation.many else (), None, sources)
    names = mapping_of(owner).key
    statement: Any = (
        select_rows(child, *(getattr(parent, name) for name in names))
        .select_from(parent)
        .join(getattr(parent, relation.name))
        .where(build_stored_key_in(parent, names))
        .options(*loader_options(child, [path for path in below if path]))
    )
    if not relation.many:
        statement = statement.where(build_first_condition(parent, relation, child))
    return sources.apply_joins(statement).order_by(*order)


def _objects_at(items: Sequence[Any], path: _Path) -> Iterator[Any]:
    """Yield the objects at the end of a path that is loaded."""
    if not path:
        yield from items
        return
    for item in items:
        found = getattr(item, path[0].name)
        if found is not None:
            yield from _objects_at(list(found) if path[0].many else [found], path[1:])
