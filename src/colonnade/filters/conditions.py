"""Parse everything that ``where`` takes into nodes and the values that they bind.

``where`` takes lookups by keyword, and mappings of lookups, trees such as ``any_of(…)`` and SQL
expressions by position. The values stand beside the nodes in the order of the leaves, depth first;
``compile`` meets the leaves in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from colonnade.errors import InvalidOperand
from colonnade.filters.awaited import Awaited
from colonnade.filters.expressions import expression
from colonnade.filters.nodes import And, Every, Node, Not, Or, Raw, Some
from colonnade.filters.parse import awaiting_leaf, lookup
from colonnade.filters.trees import Tree
from colonnade.mapping import Given, Relation
from colonnade.mapping.paths import relation_path

__all__ = ["Conditions", "conditions"]

#: The deepest nesting. Python and the databases parse it recursively, on a limited stack.
_DEEPEST: Final = 60
#: The most conditions of one query. PostgreSQL's driver binds at most 32,767 values.
_MOST: Final = 10_000


@dataclass(frozen=True, slots=True)
class Conditions:
    """Parsed conditions: nodes that must all hold, and the values that their leaves bind.

    ``raw`` is True if an SQL expression of the user's is among them.
    """

    nodes: tuple[Node, ...]
    values: tuple[Any, ...]
    raw: bool


def conditions(
    model: type[Any],
    given: tuple[Any, ...],
    named: Mapping[str, Any],
    *,
    awaiting: bool = False,
) -> Conditions:
    """Parse the arguments of one ``where`` on ``model``.

    ``given`` are the conditions by position, ``named`` the lookups. With ``awaiting`` a ``Given``
    may stand in place of a value, and becomes an ``Awaited`` among the values. Raise
    ``UnknownField``, ``UnknownOperator``, ``AmbiguousLookup`` or ``InvalidOperand``.
    """
    reading = _Reading(awaiting)
    nodes = tuple(reading.all(model, given, named, 0))
    return Conditions(nodes, tuple(reading.values), reading.raw)


class _Reading:
    """A parser for one ``where``: it collects the values and counts the conditions."""

    def __init__(self, awaiting: bool) -> None:
        self.awaiting = awaiting
        self.values: list[Any] = []
        self.raw = False
        self._leaves = 0

    def all(
        self, model: type[Any], given: tuple[Any, ...], named: Mapping[str, Any], depth: int
    ) -> Iterator[Node]:
        """Yield the node of each condition and of each lookup, in order."""
        for condition in given:
            yield self._node(model, condition, depth)
        for name, value in named.items():
            yield self._leaf(model, name, value)

    def _node(self, model: type[Any], condition: Any, depth: int) -> Node:
        """Return the node of a condition that was given by position."""
        if depth > _DEEPEST:
            raise InvalidOperand(
                f"conditions are nested more than {_DEEPEST} deep",
                hint="write them flatter; the arguments of any_of and all_of are as many as wanted",
            )
        # A mapping is one condition: inside of any_of its lookups must hold together.
        if isinstance(condition, Mapping):
            return _together(tuple(self.all(model, (), condition, depth)))
        if isinstance(condition, Tree):
            return self._tree(model, condition, depth + 1)
        self._count()
        self.raw = True
        return Raw(model, expression(model, condition))

    def _leaf(self, model: type[Any], name: str, value: Any) -> Node:
        self._count()
        if type(value) is Given:
            return self._awaited(model, name, value)
        # The node is the same object for each call with this name; only the value differs.
        node = lookup(model, name, value)
        if node.binds:
            self.values.append(node.check(value))
        return node

    def _awaited(self, model: type[Any], name: str, value: Given) -> Node:
        """Return the leaf of a lookup whose value is a ``Given``, and keep a placeholder for it."""
        if not self.awaiting:
            raise InvalidOperand(
                f"{name}: {value!r} belongs in a schema, whose conditions are written before "
                "the value is known",
                hint="hand in the value itself",
                model=model.__name__,
                fields=(name,),
            )
        node = awaiting_leaf(model, name)
        self.values.append(Awaited(value.name, model, name, node))
        return node

    def _count(self) -> None:
        """Count one more condition. Raise ``InvalidOperand`` if there are too many."""
        self._leaves += 1
        if self._leaves > _MOST:
            raise InvalidOperand(
                f"a query has at most {_MOST} conditions",
                hint="one lookup with __in takes any number of values",
            )

    def _tree(self, model: type[Any], tree: Tree, depth: int) -> Node:
        if tree.path is not None:
            # The conditions of some() and every() are about the objects in the collection.
            steps = _children(model, tree.kind, tree.path)
            inner = tuple(self.all(steps[-1].target, tree.conditions, tree.lookups, depth))
            kind = Every if tree.kind == "every" else Some
            return kind(steps, _together(inner))
        nodes = tuple(self.all(model, tree.conditions, tree.lookups, depth))
        if tree.kind == "any_of":
            # Without conditions this is an empty Or, which holds for no row.
            return nodes[0] if len(nodes) == 1 else Or(nodes)
        return Not(_together(nodes)) if tree.kind == "not_" else _together(nodes)


def _together(nodes: tuple[Node, ...]) -> Node:
    """Return the only node, or the ``And`` of several or none."""
    return nodes[0] if len(nodes) == 1 else And(nodes)


def _children(model: type[Any], kind: str, path: str) -> tuple[Relation, ...]:
    """Return the relations that ``path`` names. The last one must be a collection.

    Raise ``UnknownField``, or ``InvalidOperand`` if it leads to one object.
    """
    steps = relation_path(model, path)
    if not steps[-1].many:
        raise InvalidOperand(
            f"{kind}: {steps[-1].name} is one object, not many",
            hint=f"follow it with lookups, such as {steps[-1].name}__…=…",
            model=model.__name__,
            fields=(steps[-1].name,),
        )
    return steps
