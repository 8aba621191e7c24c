"""In charge of turning nodes into SQL expressions.

A path over relations to one object is joined, once for each path, by whoever builds the statement;
``Sources`` is where an expression asks for the joined entity. A path over a collection becomes
EXISTS, so that a parent comes once and counts are true.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, and_, inspect, not_, or_, true
from sqlalchemy.orm import aliased
from sqlalchemy.sql.elements import Grouping
from sqlalchemy.sql.util import ClauseAdapter

from colonnade.filters.nodes import And, Every, Node, Not, Or, Raw, Some, Where
from colonnade.filters.sources import Sources
from colonnade.mapping import Relation

__all__ = ["compile_node"]

Slot: TypeAlias = Callable[[], str]
Build: TypeAlias = Callable[[Sources, tuple[Relation, ...]], ColumnElement[bool]]

#: SQLite parses ``a OR b OR c`` as deep as it is long, and gives up at 1,000.
_FLAT: Final = 100


class _Parenthesised(Grouping[bool]):
    """A part that keeps its parentheses, which SQLAlchemy takes away where logic needs none."""

    inherit_cache = True
    #: A grouping passes for what is in it, and would be flattened by its operator.
    operator = None


def compile_node(node: Node, sources: Sources, slot: Slot) -> ColumnElement[bool]:
    """The SQL of a node; ``slot`` names the next value to bind."""
    match node:
        case Where():
            return _along(node.steps, sources, lambda at, rest: _compared(node, at, rest, slot))
        case And(nodes):
            return _list(and_, True, [compile_node(item, sources, slot) for item in nodes])
        case Or(nodes):
            return _list(or_, False, [compile_node(item, sources, slot) for item in nodes])
        case Not(inner):
            return not_(Grouping(compile_node(inner, sources, slot)))
        case Some(steps, inner):
            return _along(steps, sources, lambda at, _: compile_node(inner, at, slot))
        case Every(steps, inner):
            # What is unknown of a child does not hold for it.
            return not_(
                _along(
                    steps,
                    sources,
                    lambda at, _: Grouping(compile_node(inner, at, slot)).is_not(true()),
                )
            )
        case Raw():
            return _adapted(node, sources.root)


def _along(steps: tuple[Relation, ...], sources: Sources, build: Build) -> ColumnElement[bool]:
    """What ``build`` makes at the end of ``steps``: behind a collection, whether one such exists.

    ``build`` gets the sources that it stands in and the relations to one object that are left.
    """
    many = next((i for i, step in enumerate(steps) if step.many), None)
    if many is None:
        return build(sources, steps)
    attribute = getattr(sources.joined(steps[:many]), steps[many].name)
    child = Sources(aliased(steps[many].target))
    condition = _along(steps[many + 1 :], child, build)
    found: Any = attribute.of_type(child.root).any(condition)
    joined = child.from_clause()
    if joined is not inspect(child.root).selectable:
        found = found.select_from(joined)
    result: ColumnElement[bool] = found
    return result


def _compared(
    node: Where, sources: Sources, steps: tuple[Relation, ...], slot: Slot
) -> ColumnElement[bool]:
    column = getattr(sources.joined(steps), node.column.name)
    if not node.binds:
        return node.operator.build(column, node.flag)
    value = node.operator.bound(slot(), node.column.type)
    return node.operator.build(column, value)


def _adapted(node: Raw, root: Any) -> ColumnElement[bool]:
    """The expression on the entity that stands in for its model here."""
    if root is node.model:
        return node.element
    adapted: ColumnElement[bool] = ClauseAdapter(inspect(root).selectable).traverse(node.element)
    return adapted


def _list(
    join: Callable[..., ColumnElement[bool]], empty: bool, parts: Sequence[ColumnElement[bool]]
) -> ColumnElement[bool]:
    """``and_`` or ``or_`` of any number of parts, no deeper than every database parses."""
    while len(parts) > _FLAT:
        parts = [
            _Parenthesised(join(*parts[start : start + _FLAT]))
            for start in range(0, len(parts), _FLAT)
        ]
    return join(true() if empty else ~true(), *parts) if not parts else join(*parts)
