"""In charge of how relations of entities are loaded: a strategy by cardinality.

A single object is joined, which costs no further statement; a collection gets a statement of its
own, since a join would repeat the parent for each child. An object that may be one of several is
none of these: ``reading.sorted`` reads the first of them for each parent.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import inspect
from sqlalchemy.orm import joinedload, selectinload
from sqlalchemy.orm.interfaces import ORMOption

from colonnade.mapping import Relation, mapping_of, memoized

__all__ = ["loader_options"]

#: How a relation is declared that is read with its owner, in one statement.
_JOINED: Final = frozenset({"joined", False})


def loader_options(
    model: type[Any], paths: Iterable[tuple[Relation, ...]]
) -> tuple[ORMOption, ...]:
    """SQLAlchemy's options that load the relations at the end of each path and on the way."""
    return (*_kept_apart(model), *(_option(model, path) for path in paths))


@memoized
def _kept_apart(model: type[Any]) -> tuple[ORMOption, ...]:
    """What keeps relations that the model joins by itself from repeating its rows."""
    relations = inspect(model).relationships
    return tuple(
        selectinload(getattr(model, name))
        for name, relation in mapping_of(model).relations.items()
        if relation.multiplies and not relation.many and relations[name].lazy in _JOINED
    )


def _option(model: type[Any], path: tuple[Relation, ...]) -> ORMOption:
    option: Any = None
    owner = model
    for step in path:
        attribute = getattr(owner, step.name)
        if option is None:
            option = selectinload(attribute) if step.many else joinedload(attribute)
        else:
            option = option.selectinload(attribute) if step.many else option.joinedload(attribute)
        owner = step.target
    result: ORMOption = option
    return result
