"""Relations of entities that SQLAlchemy's loaders cannot read, by a statement each.

They are collections in an order that was asked for, read whole: a session takes a collection for
all there is, and a part of it would lie. And they are single objects that may be one of several, of
which the first is read for each owner.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from sqlalchemy import inspect
from sqlalchemy import select as select_rows
from sqlalchemy.orm import aliased
from sqlalchemy.orm.attributes import set_committed_value

from colonnade.database import Session
from colonnade.filters import Sources
from colonnade.loading import loader_options
from colonnade.mapping import Relation, mapping_of
from colonnade.mapping.links import first_of
from colonnade.ordering import Term, closed
from colonnade.spec import Shape, among_held, chunked, order_of, remembered, unsorted_paths

__all__ = ["load_sorted"]

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
    owner: type[Any], relation: Relation, terms: tuple[Term, ...], below: tuple[_Path, ...]
) -> Any:
    parent, child = aliased(owner), relation.target
    sources = Sources(child)
    order = order_of(closed(child, terms) if relation.many else (), None, sources)
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
    return sources.joining(statement).order_by(*order)
