"""Check the SQLAlchemy expressions that ``where`` is given beside lookups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, inspect

from colonnade._compat.sqlalchemy_statements import tables_of
from colonnade.errors import InvalidOperand
from colonnade.filters.given import Given, GivenOperand
from colonnade.filters.nodes import And, Every, Node, Not, Or, Some, SQLCondition
from colonnade.filters.parse import parse_lookup, resolve_given_comparison
from colonnade.filters.trees import ConditionTree
from colonnade.mapping import Relation, with_article
from colonnade.mapping.paths import relation_path

__all__ = ["ParsedConditions", "coerce_expression", "parse_conditions"]


def coerce_expression(model: type[Any], condition: Any) -> ColumnElement[bool]:
    """Return ``condition`` as an SQL expression.

    Raise ``InvalidOperand`` if it is none, such as the bool of ``Hero.name is None``, and if it
    uses another table: the query does not join it, and would be a cartesian product.
    """
    element = getattr(condition, "__clause_element__", lambda: condition)()
    if not isinstance(element, ColumnElement):
        raise InvalidOperand(
            f"a condition is a lookup or an SQL expression, "
            f"not {with_article(type(condition).__name__)}",
            hint="Python's 'is', 'in', 'and', 'or' and 'not' compare objects; write lookups, or "
            "SQLAlchemy's operators",
        )
    own_tables = set(tables_of(inspect(model).selectable))
    if others := [table for table in tables_of(element) if table not in own_tables]:
        name = getattr(others[0], "description", type(others[0]).__name__)
        raise InvalidOperand(
            f"{model.__name__}: an expression on {name}, which the query does not join",
            hint="follow a relation with a lookup, or with its .has(...) or .any(...)",
            model=model.__name__,
        )
    return element


#: The deepest nesting. Python and the databases parse it recursively, on a limited stack.
_DEEPEST: Final = 60
#: The most conditions of one query. PostgreSQL's driver binds at most 32,767 values.
_MOST: Final = 10_000


@dataclass(frozen=True, slots=True)
class ParsedConditions:
    """Parsed conditions: nodes that must all hold, and the values that their leaves bind.

    ``raw`` is True if an SQL expression of the user's is among them.
    """

    nodes: tuple[Node, ...]
    values: tuple[Any, ...]
    raw: bool


def parse_conditions(
    model: type[Any],
    given: tuple[Any, ...],
    named: Mapping[str, Any],
    *,
    awaiting: bool = False,
) -> ParsedConditions:
    """Parse the arguments of one ``where`` on ``model``.

    ``given`` are the conditions by position, ``named`` the lookups. With ``awaiting`` a ``Given``
    may stand in place of a value, and becomes a ``GivenOperand`` among the values. Raise
    ``UnknownField``, ``UnknownOperator``, ``AmbiguousLookup`` or ``InvalidOperand``.
    """
    reading = _ConditionParser(awaiting)
    nodes = tuple(reading.parse_all(model, given, named, 0))
    return ParsedConditions(nodes, tuple(reading.values), reading.raw)


class _ConditionParser:
    """A parser for one ``where``: it collects the values and counts the conditions."""

    def __init__(self, awaiting: bool) -> None:
        self.awaiting = awaiting
        self.values: list[Any] = []
        self.raw = False
        self._leaves = 0

    def parse_all(
        self, model: type[Any], given: tuple[Any, ...], named: Mapping[str, Any], depth: int
    ) -> Iterator[Node]:
        """Yield the node of each condition and of each lookup, in order."""
        for condition in given:
            yield self._parse_condition(model, condition, depth)
        for name, value in named.items():
            yield self._parse_leaf(model, name, value)

    def _parse_condition(self, model: type[Any], condition: Any, depth: int) -> Node:
        """Return the node of a condition that was given by position."""
        if depth > _DEEPEST:
            raise InvalidOperand(
                f"conditions are nested more than {_DEEPEST} deep",
                hint="write them flatter; the arguments of any_of and all_of are as many as wanted",
            )
        # A mapping is one condition: inside of any_of its lookups must hold together.
        if isinstance(condition, Mapping):
            return _make_and(tuple(self.parse_all(model, (), condition, depth)))
        if isinstance(condition, ConditionTree):
            return self._parse_tree(model, condition, depth + 1)
        self._count_leaf()
        self.raw = True
        return SQLCondition(model, coerce_expression(model, condition))

    def _parse_leaf(self, model: type[Any], name: str, value: Any) -> Node:
        self._count_leaf()
        if type(value) is Given:
            return self._parse_given(model, name, value)
        # The node is the same object for each call with this name; only the value differs.
        node = parse_lookup(model, name, value)
        if node.binds:
            self.values.append(node.check(value))
        return node

    def _parse_given(self, model: type[Any], name: str, value: Given) -> Node:
        """Return the leaf of a lookup whose value is a ``Given``, and keep a placeholder for it."""
        if not self.awaiting:
            raise InvalidOperand(
                f"{name}: {value!r} belongs in a schema, whose conditions are written before "
                "the value is known",
                hint="hand in the value itself",
                model=model.__name__,
                fields=(name,),
            )
        node = resolve_given_comparison(model, name)
        self.values.append(GivenOperand(value.name, model, name, node))
        return node

    def _count_leaf(self) -> None:
        """Count one more condition. Raise ``InvalidOperand`` if there are too many."""
        self._leaves += 1
        if self._leaves > _MOST:
            raise InvalidOperand(
                f"a query has at most {_MOST} conditions",
                hint="one lookup with __in takes any number of values",
            )

    def _parse_tree(self, model: type[Any], tree: ConditionTree, depth: int) -> Node:
        if tree.path is not None:
            # The conditions of some() and every() are about the objects in the collection.
            steps = _parse_collection_path(model, tree.kind, tree.path)
            inner = tuple(self.parse_all(steps[-1].target, tree.conditions, tree.lookups, depth))
            kind = Every if tree.kind == "every" else Some
            return kind(steps, _make_and(inner))
        nodes = tuple(self.parse_all(model, tree.conditions, tree.lookups, depth))
        if tree.kind == "any_of":
            # Without conditions this is an empty Or, which holds for no row.
            return nodes[0] if len(nodes) == 1 else Or(nodes)
        return Not(_make_and(nodes)) if tree.kind == "not_" else _make_and(nodes)


def _make_and(nodes: tuple[Node, ...]) -> Node:
    """Return the only node, or the ``And`` of several or none."""
    return nodes[0] if len(nodes) == 1 else And(nodes)


def _parse_collection_path(model: type[Any], kind: str, path: str) -> tuple[Relation, ...]:
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
