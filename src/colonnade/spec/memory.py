"""Cache the statements and functions built for the shapes that were asked for last.

A client chooses among conditions, orders and collections, so that an application has more shapes
than can be kept, and one shape may have ten thousand conditions. A condition takes about 2.5 KB in
the statement that is built of it, and a column of a schema as much in the statements and functions
that read it. So the cache is bounded by the number of such parts, not of entries.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, Final, ParamSpec, TypeVar

from colonnade.caches import BoundedCache
from colonnade.filters import Comparison, SQLCondition
from colonnade.mapping import Relation
from colonnade.ordering import SortKey
from colonnade.schemas import NestedField, Plan

__all__ = ["STATEMENTS", "remembered", "weight_of"]

P = ParamSpec("P")
R = TypeVar("R")

#: Parts that all kept statements have together: 512 statements of 24 parts, about 30 MB.
_CAPACITY: Final = 512 * 24
#: Parts that a shape may have to be kept. Real questions have a dozen conditions; whoever sends a
#: hundred waits for the database longer than for the statement, and would drive out ten others.
_LARGEST: Final = 128
#: What a statement without any condition weighs.
_EMPTY: Final = 6

STATEMENTS: Final[BoundedCache[tuple[Any, ...], tuple[Any, int]]] = BoundedCache(
    _CAPACITY, _CAPACITY // 8, lambda _key, kept: kept[1]
)


def remembered(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate ``function`` so that its results for the last shapes are kept.

    All such functions share one cache. The result for a shape of more than 128 parts is not kept.
    """

    def remembering(*key: P.args, **_named: P.kwargs) -> R:
        found = STATEMENTS.get((function, *key))
        if found is not None:
            result: R = found[0]
            return result
        made = function(*key, **_named)
        shaped, planned = weight_of(key)
        if shaped <= _LARGEST:
            STATEMENTS[function, *key] = (made, _EMPTY + shaped + planned)
        return made

    return remembering


def weight_of(key: tuple[Any, ...]) -> tuple[int, int]:
    """Return the number of parts of the shapes in ``key``, and that of its plans.

    A client may choose the shapes, but not the plans.
    """
    shaped = planned = 0
    waiting: list[Any] = [key]
    while waiting:
        item = waiting.pop()
        if isinstance(item, tuple):
            waiting += item
        elif isinstance(item, Plan):
            planned += item.size
        elif isinstance(item, NestedField):
            planned += item.plan.size
        elif isinstance(item, SQLCondition) or (isinstance(item, SortKey) and item.raw):
            # It is compared by identity, so that it would never be found again.
            shaped += _LARGEST + 1
        elif isinstance(item, Comparison | SortKey):
            shaped += 1 + len(item.steps)
        elif isinstance(item, Relation):
            shaped += 1
        elif is_dataclass(item) and not isinstance(item, type):
            shaped += 1
            waiting += [getattr(item, field.name) for field in fields(item)]
    return shaped, planned
