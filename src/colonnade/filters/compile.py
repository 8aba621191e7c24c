"""Compile nodes into SQL expressions.

A path over to-one relations becomes a join. The expression asks ``Sources`` for the joined entity,
which remembers each path so that it is joined once; whoever builds the statement adds the joins. A
path over a collection becomes EXISTS, so that each parent comes once and counts are right.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, and_, inspect, not_, or_, true
from sqlalchemy.orm import aliased
from sqlalchemy.sql.elements import Grouping

from colonnade.filters.computed import computed
from colonnade.filters.nodes import And, Every, Node, Not, Or, Raw, Some, Where
from colonnade.filters.sources import Sources
from colonnade.mapping import Expression, Relation
from colonnade.mapping.expressions import adapted

__all__ = ["compile_node"]

Slot: TypeAlias = Callable[[], str]
Build: TypeAlias = Callable[[Sources, tuple[Relation, ...]], ColumnElement[bool]]

#: The longest AND or OR that is written without nesting. SQLite parses ``a OR b OR c`` into a tree
#: that is as deep as the chain is long, and refuses trees deeper than 1,000.
_FLAT: Final = 100


class _Parenthesised(Grouping[bool]):
    """Parentheses that SQLAlchemy keeps: it removes those that the logic does not need."""

    inherit_cache = True
    #: A ``Grouping`` has the operator of its content, and ``or_`` merges an element of its own
    #: operator into itself. Without an operator it stays as it is.
    operator = None


def compile_node(node: Node, sources: Sources, slot: Slot) -> ColumnElement[bool]:
    """Return the SQL expression of a node.

    ``slot`` returns the name of the next bind parameter: the leaves call it in the order in which
    the values of the parsed conditions stand.
    """
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
            # "IS NOT TRUE", since NOT would ignore a child for which the condition is NULL.
            return not_(
                _along(
                    steps,
                    sources,
                    lambda at, _: Grouping(compile_node(inner, at, slot)).is_not(true()),
                )
            )
        case Raw():
            return adapted(node.element, node.model, sources.root)


def _along(steps: tuple[Relation, ...], sources: Sources, build: Build) -> ColumnElement[bool]:
    """Return what ``build`` makes at the end of ``steps``, in an EXISTS for each collection.

    ``build`` is called with the innermost FROM and the to-one relations behind the last
    collection, which are left for it to join.
    """
    first = next((index for index, step in enumerate(steps) if step.many), None)
    if first is None:
        return build(sources, steps)
    attribute = getattr(sources.joined(steps[:first]), steps[first].name)
    child = Sources(aliased(steps[first].target))
    condition = _along(steps[first + 1 :], child, build)
    exists: Any = attribute.of_type(child.root).any(condition)
    # The condition may have asked for joins inside of the EXISTS, which any() knows nothing of.
    joined = child.from_clause()
    if joined is not inspect(child.root).selectable:
        exists = exists.select_from(joined)
    result: ColumnElement[bool] = exists
    return result


def _compared(
    node: Where, sources: Sources, steps: tuple[Relation, ...], slot: Slot
) -> ColumnElement[bool]:
    """Return the SQL of a leaf whose path has to-one relations only."""
    entity = sources.joined(steps)
    # A flag is part of the statement's shape, so that the planner sees it; it is not bound.
    value = node.operator.bound(slot(), node.column.type) if node.binds else node.flag
    if isinstance(node.column, Expression):
        return computed(entity, node.column, node.operator, value)
    return node.operator.build(getattr(entity, node.column.name), value)


def _list(
    join: Callable[..., ColumnElement[bool]], empty: bool, parts: Sequence[ColumnElement[bool]]
) -> ColumnElement[bool]:
    """Return ``and_`` or ``or_`` of any number of parts; of none it is ``empty``.

    Long lists are nested, so that every database can parse them.
    """
    while len(parts) > _FLAT:
        parts = [
            _Parenthesised(join(*parts[start : start + _FLAT]))
            for start in range(0, len(parts), _FLAT)
        ]
    return join(true() if empty else ~true(), *parts) if not parts else join(*parts)
