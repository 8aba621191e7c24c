"""In charge of what a condition answers whatever the row is, as far as that can be told.

``all_of()`` and ``field__not_in=[]`` hold for every row: they are conditions, and no filter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import False_, True_

from colonnade.filters.nodes import And, Every, Node, Not, Or, Raw, Some, Where

__all__ = ["filters_nothing", "finds_nothing"]


def filters_nothing(nodes: Iterable[Node], values: Iterable[Any]) -> bool:
    """Whether the conditions hold for every row, given what their leaves bind, in order."""
    bound = iter(values)
    return _all([_always(node, bound) for node in nodes]) is True


def finds_nothing(nodes: Iterable[Node], values: Sequence[Any]) -> bool:
    """Return whether the conditions hold for no row, since a list among the values is empty."""
    # Most conditions have no empty list, and cost no more than a look at their values.
    if not any(type(value) is list and not value for value in values):
        return False
    bound = iter(values)
    return _all([_always(node, bound) for node in nodes]) is False


def _always(node: Node, values: Iterator[Any]) -> bool | None:
    """True or False where every row has this answer; None where it depends on the row."""
    match node:
        case Where():
            return _compared(node, values)
        case And(nodes):
            return _all([_always(item, values) for item in nodes])
        case Or(nodes):
            return _opposite(_all([_opposite(_always(item, values)) for item in nodes]))
        case Not(inner):
            return _opposite(_always(inner, values))
        case Some(_, inner):
            # Whether there is a child at all depends on the row.
            return False if _always(inner, values) is False else None
        case Every(_, inner):
            return True if _always(inner, values) is True else None
        case Raw(_, element):
            return _literal(element)


def _compared(node: Where, values: Iterator[Any]) -> bool | None:
    value: Any = next(values) if node.binds else None
    if node.operator.operand != "many" or len(value):
        return None
    # Along a collection it says that there is a child.
    if node.operator.name == "not_in":
        return None if any(step.many for step in node.steps) else True
    return False


def _literal(element: Any) -> bool | None:
    return {True_: True, False_: False}.get(type(element))


def _all(answers: list[bool | None]) -> bool | None:
    if False in answers:
        return False
    return None if None in answers else True


def _opposite(answer: bool | None) -> bool | None:
    return None if answer is None else not answer
