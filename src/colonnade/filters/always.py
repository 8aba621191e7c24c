"""Tell whether conditions hold for every row, or for none, without asking the database.

``all_of()`` and ``field__not_in=[]`` hold for every row. A bulk write needs a real filter, so
it must recognise them. ``field__in=[]`` holds for no row, so the statement need not run.

This is three-valued logic: True for every row, False for every row, or None where the answer
depends on the row. None means "not known here", so a doubtful condition counts as a real filter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import False_, True_

from colonnade.filters.nodes import And, Comparison, Every, Node, Not, Or, Some, SQLCondition

__all__ = ["matches_every_row", "matches_no_row"]


def matches_every_row(nodes: Iterable[Node], values: Iterable[Any]) -> bool:
    """Return whether all conditions together hold for every row.

    ``values`` are what the leaves of ``nodes`` bind, in the order of the leaves.
    """
    bound = iter(values)
    return _fold_and([_fold_node(node, bound) for node in nodes]) is True


def matches_no_row(nodes: Iterable[Node], values: Sequence[Any]) -> bool:
    """Return whether the conditions together hold for no row, because a list is empty.

    ``values`` are what the leaves of ``nodes`` bind, in the order of the leaves.
    """
    # This runs for every query. Most have no empty list and return here.
    if not any(type(value) is list and not value for value in values):
        return False
    bound = iter(values)
    return _fold_and([_fold_node(node, bound) for node in nodes]) is False


def _fold_node(node: Node, values: Iterator[Any]) -> bool | None:
    """Return the answer that every row gives, or None where it depends on the row.

    Take from ``values`` what the leaves of ``node`` bind. Every leaf must be visited, even where
    the answer is known already: the leaves that follow would take the wrong values otherwise.
    """
    match node:
        case Comparison():
            return _fold_comparison(node, values)
        case And(nodes):
            return _fold_and([_fold_node(item, values) for item in nodes])
        case Or(nodes):
            # De Morgan: a OR b is NOT (NOT a AND NOT b).
            return _fold_not(_fold_and([_fold_not(_fold_node(item, values)) for item in nodes]))
        case Not(inner):
            return _fold_not(_fold_node(inner, values))
        case Some(_, inner):
            # Even if the condition holds for every child, a row may have no child.
            return False if _fold_node(inner, values) is False else None
        case Every(_, inner):
            # Even if the condition holds for no child, a row without children passes.
            return True if _fold_node(inner, values) is True else None
        case SQLCondition(_, element):
            return _fold_literal(element)


def _fold_comparison(node: Comparison, values: Iterator[Any]) -> bool | None:
    """Return the answer of a comparison: only one with an empty list is known."""
    value: Any = next(values) if node.binds else None
    if node.operator.operand != "many" or len(value):
        return None
    # Where there may be several objects the lookup is an EXISTS: it is false for a row with none.
    if node.operator.name == "not_in":
        return None if any(step.multiplies for step in node.steps) else True
    return False


def _fold_literal(element: Any) -> bool | None:
    """Return the answer of ``true()`` or ``false()``; None for any other expression."""
    return {True_: True, False_: False}.get(type(element))


def _fold_and(answers: list[bool | None]) -> bool | None:
    """Return the answers joined by AND."""
    if False in answers:
        return False
    return None if None in answers else True


def _fold_not(answer: bool | None) -> bool | None:
    return None if answer is None else not answer
