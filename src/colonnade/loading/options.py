"""In charge of how relations of entities are loaded: a strategy by cardinality.

A single object is joined, which costs no further statement; a collection gets a statement of its
own, since a join would repeat the parent for each child. An object that may be one of several is
none of these: ``reading.sorted`` reads the first of them for each parent.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy.orm import joinedload, selectinload
from sqlalchemy.orm.interfaces import ORMOption

from colonnade.mapping import Relation

__all__ = ["loader_options"]


def loader_options(
    model: type[Any], paths: Iterable[tuple[Relation, ...]]
) -> tuple[ORMOption, ...]:
    """SQLAlchemy's options that load the relations at the end of each path and on the way."""
    return tuple(_option(model, path) for path in paths)


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
