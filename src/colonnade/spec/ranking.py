"""In charge of rank: how well a row answers the search that stands among the conditions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from colonnade.errors import InvalidOperand
from colonnade.filters import And, Every, Node, Not, Or, Some, Sources, Where
from colonnade.ordering import Term
from colonnade.spec.values import names

__all__ = ["ranked"]


def ranked(item: Term, where: Iterable[Node], sources: Sources) -> Any:
    """The number that a rank term sorts by, with the value that its search binds.

    Raises ``InvalidOperand`` if no such search has to hold for every row.
    """
    for name, leaf in _leaves(where, names("v"), held=True):
        rank = leaf.operator.rank
        same = leaf.steps == item.steps and leaf.column.name == item.column.name
        if same and rank is not None and leaf.operator.name == item.rank:
            column = getattr(sources.joined(item.steps), item.column.name)
            return rank(column, leaf.operator.bound(name, item.column.type))
    path = "__".join([*(step.name for step in item.steps), item.column.name, str(item.rank)])
    raise InvalidOperand(
        f"rows cannot be sorted by {path}: nothing is searched for",
        hint=f"add where({path}=…), which must hold for every row",
        fields=(item.column.name,),
    )


def _leaves(
    nodes: Iterable[Node], slot: Iterator[str], *, held: bool
) -> Iterator[tuple[str, Where]]:
    """The leaves that hold for every row, and the names of their values, as they are compiled."""
    for node in nodes:
        match node:
            case Where():
                if node.binds:
                    name = next(slot)
                    if held:
                        yield name, node
            case And(inner):
                yield from _leaves(inner, slot, held=held)
            case Or(inner):
                yield from _leaves(inner, slot, held=False)
            case Not(inner) | Some(_, inner) | Every(_, inner):
                yield from _leaves((inner,), slot, held=False)
            case _:  # an expression binds for itself
                pass
