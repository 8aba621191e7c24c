"""In charge of the question whether a statement repeats its rows: once for each joined child.

Nobody asks for that by a query, which reads collections apart; a model may, whose own relation is
``lazy="joined"``. SQLAlchemy then refuses to hand out rows unless each object is taken once.
"""

from __future__ import annotations

from itertools import takewhile
from typing import Any, Final

from sqlalchemy import inspect

from colonnade.mapping import Relation, memoized

__all__ = ["repeats_rows"]

_JOINED: Final = frozenset({"joined", False})


def repeats_rows(model: type[Any], load: tuple[tuple[Relation, ...], ...] = ()) -> bool:
    """Say whether a SELECT of the model, with these relations loaded, joins a collection."""
    joined = (
        step.target for path in load for step in takewhile(lambda one: not one.multiplies, path)
    )
    return any(_joins_many(target) for target in (model, *joined))


@memoized
def _joins_many(model: type[Any]) -> bool:
    """Whether the model joins a collection by itself, or an object that does."""
    waiting: list[Any] = [*inspect(model).self_and_descendants]
    seen: set[Any] = set()
    while waiting:
        mapper = waiting.pop()
        if mapper in seen:
            continue
        seen.add(mapper)
        for relation in mapper.relationships:
            if relation.lazy in _JOINED:
                if relation.uselist:
                    return True
                waiting += relation.mapper.self_and_descendants
    return False
