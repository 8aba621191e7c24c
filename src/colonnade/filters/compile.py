"""Compile nodes into SQL expressions.

A path over relations to one object becomes a join. The expression asks the ``JoinTree`` for the
joined entity, which remembers each path so that it is joined once; whoever builds the statement
adds the joins. A path over a relation that may find several rows becomes EXISTS, so that each
parent comes once and counts are right.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import ColumnElement, Select, and_, literal_column, not_, or_, select, true
from sqlalchemy.orm import aliased
from sqlalchemy.sql.elements import Grouping

from colonnade.filters.computed import build_computed
from colonnade.filters.joins import JoinTree
from colonnade.filters.nodes import And, Comparison, Every, Node, Not, Or, Some, SQLCondition
from colonnade.mapping import Column, Expression, Relation
from colonnade.mapping.expressions import adapt_expression
from colonnade.mapping.links import build_link

__all__ = ["compile_node"]

ParameterNamer: TypeAlias = Callable[[], str]
ConditionBuilder: TypeAlias = Callable[[JoinTree, tuple[Relation, ...]], ColumnElement[bool]]

#: Whether a condition holds where the object that it is about is absent.
Absent: TypeAlias = Literal["no", "too", "only"]

#: The longest AND or OR that is written without nesting. SQLite parses ``a OR b OR c`` into a tree
#: that is as deep as the chain is long, and refuses trees deeper than 1,000.
_MOST_SIBLINGS: Final = 100


class _Parenthesised(Grouping[bool]):
    """Parentheses that SQLAlchemy keeps: it removes those that the logic does not need."""

    inherit_cache = True
    #: A ``Grouping`` has the operator of its content, and ``or_`` merges an element of its own
    #: operator into itself. Without an operator it stays as it is.
    operator = None


def compile_node(node: Node, sources: JoinTree, slot: ParameterNamer) -> ColumnElement[bool]:
    """Return the SQL expression of a node.

    ``slot`` returns the name of the next bind parameter: the leaves call it in the order in which
    the values of the parsed conditions stand.
    """
    match node:
        case Comparison():
            compare = partial(_compile_comparison, node, slot)
            return _follow_relations(node.steps, sources, compare, _absent(node))
        case And(nodes):
            return _join_conditions(
                and_, True, [compile_node(item, sources, slot) for item in nodes]
            )
        case Or(nodes):
            return _join_conditions(
                or_, False, [compile_node(item, sources, slot) for item in nodes]
            )
        case Not(inner):
            return not_(Grouping(compile_node(inner, sources, slot)))
        case Some(steps, inner):
            return _follow_relations(steps, sources, lambda at, _: compile_node(inner, at, slot))
        case Every(steps, inner):
            # "IS NOT TRUE", since NOT would ignore a child for which the condition is NULL.
            return not_(
                _follow_relations(
                    steps,
                    sources,
                    lambda at, _: Grouping(compile_node(inner, at, slot)).is_not(true()),
                )
            )
        case SQLCondition():
            return adapt_expression(node.element, node.model, sources.root)


def _follow_relations(
    steps: tuple[Relation, ...], sources: JoinTree, build: ConditionBuilder, absent: Absent = "no"
) -> ColumnElement[bool]:
    """Return what ``build`` makes at the end of ``steps``, in an EXISTS where there may be many.

    ``build`` is called with the innermost FROM and the relations to one object behind the last
    EXISTS, which are left for it to join. ``absent`` says whether the condition holds where there
    is no object, as it does of a joined one, whose columns are all NULL then.
    """
    first = next((index for index, step in enumerate(steps) if step.multiplies), None)
    if first is None:
        return build(sources, steps)
    step = steps[first]
    owner = sources.join_path(steps[:first])
    child = JoinTree(aliased(step.target))
    rest = steps[first + 1 :]
    if step.many or absent == "no":
        return _existing(owner, step, child, _follow_relations(rest, child, build, absent))
    nothing = not_(_existing(owner, step, JoinTree(child.root)))
    if absent == "only" and not rest:
        return nothing
    return or_(
        nothing, _existing(owner, step, child, _follow_relations(rest, child, build, absent))
    )


def _absent(node: Comparison) -> Absent:
    """Return whether a leaf holds where the object is absent, or only there: no key is NULL."""
    if node.operator.name != "isnull" or not node.flag:
        return "no"
    return "only" if isinstance(node.column, Column) and node.column.primary_key else "too"


def _existing(
    owner: Any, relation: Relation, child: JoinTree, *conditions: ColumnElement[bool]
) -> ColumnElement[bool]:
    """Return the EXISTS of a child of the owner for which the conditions hold."""
    source, tied = build_link(owner, relation, child.root)
    found: Select[Any] = select(literal_column("1")).select_from(source).where(tied, *conditions)
    # The conditions may have asked for joins inside of the EXISTS.
    return child.apply_joins(found).correlate(owner).exists()


def _compile_comparison(
    node: Comparison, slot: ParameterNamer, sources: JoinTree, steps: tuple[Relation, ...]
) -> ColumnElement[bool]:
    """Return the SQL of a leaf whose path has to-one relations only."""
    entity = sources.join_path(steps)
    # A flag is part of the statement's shape, so that the planner sees it; it is not bound.
    value = node.operator.make_parameter(slot(), node.column.type) if node.binds else node.flag
    if isinstance(node.column, Expression):
        return build_computed(entity, node.column, node.operator, value)
    return node.operator.build(getattr(entity, node.column.name), value)


def _join_conditions(
    join: Callable[..., ColumnElement[bool]], empty: bool, parts: Sequence[ColumnElement[bool]]
) -> ColumnElement[bool]:
    """Return ``and_`` or ``or_`` of any number of parts; of none it is ``empty``.

    Long lists are nested, so that every database can parse them.
    """
    while len(parts) > _MOST_SIBLINGS:
        parts = [
            _Parenthesised(join(*parts[start : start + _MOST_SIBLINGS]))
            for start in range(0, len(parts), _MOST_SIBLINGS)
        ]
    return join(true() if empty else ~true(), *parts) if not parts else join(*parts)
