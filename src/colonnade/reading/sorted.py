"""In charge of collections of entities in an order that was asked for, by a statement each.

They are read whole: a session takes a collection for all there is, and a part of it would lie.
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
from colonnade.ordering import Term, closed
from colonnade.spec import Shape, among_held, chunked, order_of, remembered, unsorted_paths

__all__ = ["load_sorted"]

_Path: TypeAlias = tuple[Relation, ...]


async def load_sorted(session: Session, shape: Shape, items: Sequence[Any]) -> None:
    """Give the objects the collections that ``shape`` wants sorted: a statement for each."""
    for path, terms in sorted(shape.sorted, key=lambda item: len(item[0])):
        owners = {inspect(owner).identity: owner for owner in _at(items, path[:-1])}
        model = path[-2].target if path[:-1] else shape.model
        below = tuple(own[len(path) :] for own in shape.load if own[: len(path)] == path)
        inner = tuple(
            (own[len(path) :], ()) for own, _ in shape.sorted if own[: len(path)] == path != own
        )
        statement = _statement(model, path[-1], terms, unsorted_paths(below, inner))
        children: dict[Any, list[Any]] = {key: [] for key in owners}
        for bound in chunked(list(owners)):
            result = await session.exec(statement, params=bound)
            for child, *key in result.unique():
                children[tuple(key)].append(child)
        for key, owner in owners.items():
            set_committed_value(owner, path[-1].name, children[key])


def _at(items: Sequence[Any], path: _Path) -> Iterator[Any]:
    """The objects at the end of a path that is loaded."""
    if not path:
        yield from items
        return
    for item in items:
        found = getattr(item, path[0].name)
        if found is not None:
            yield from _at(list(found) if path[0].many else [found], path[1:])


@remembered
def _statement(
    owner: type[Any], relation: Relation, terms: tuple[Term, ...], below: tuple[_Path, ...]
) -> Any:
    parent, child = aliased(owner), relation.target
    sources = Sources(child)
    order = order_of(closed(child, terms), None, sources)
    names = mapping_of(owner).key
    statement: Any = (
        select_rows(child, *(getattr(parent, name) for name in names))
        .select_from(parent)
        .join(getattr(parent, relation.name))
        .where(among_held(parent, names))
        .options(*loader_options(child, [path for path in below if path]))
    )
    return sources.joining(statement).order_by(*order)
