"""In charge of turning nodes into SQL expressions.

A path over relations to one object is joined, once for each path, by whoever builds the statement;
``Sources`` is where an expression asks for the joined entity. A path over a collection becomes
EXISTS, so that a parent comes once and counts are true.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from sqlalchemy import ColumnElement, String, and_, bindparam, not_, or_
from sqlalchemy.orm import aliased
from sqlalchemy.types import TypeDecorator, TypeEngine

from colonnade.filters.nodes import And, Node, Not, Or, Where
from colonnade.mapping import Relation

__all__ = ["Sources", "compile_node"]


class Sources(Protocol):
    """The entities of one statement."""

    def joined(self, steps: tuple[Relation, ...]) -> Any:
        """The entity at the end of relations to one object; the root for no steps."""


def compile_node(node: Node, sources: Sources, slot: Callable[[], str]) -> ColumnElement[bool]:
    """The SQL of a node; ``slot`` names the next value to bind."""
    match node:
        case Where():
            return _leaf(node, sources, slot)
        case And(nodes):
            return and_(*(compile_node(item, sources, slot) for item in nodes))
        case Or(nodes):
            return or_(*(compile_node(item, sources, slot) for item in nodes))
        case Not(inner):
            return not_(compile_node(inner, sources, slot))


def _leaf(node: Where, sources: Sources, slot: Callable[[], str]) -> ColumnElement[bool]:
    first_many = next((i for i, step in enumerate(node.steps) if step.many), None)
    if first_many is None:
        return _compared(node, sources.joined(node.steps), slot)
    entity = sources.joined(node.steps[:first_many])
    return _exists(node, entity, node.steps[first_many:], slot)


def _compared(node: Where, entity: Any, slot: Callable[[], str]) -> ColumnElement[bool]:
    column = getattr(entity, node.column.name)
    if not node.binds:
        return node.operator.build(column, node.flag)
    many = node.operator.operand == "many"
    value: Any = bindparam(slot(), type_=_operand_type(node), expanding=many)
    return node.operator.build(column, value)


def _operand_type(node: Where) -> TypeEngine[Any]:
    kind = node.column.type
    if node.operator.text:
        return String()
    # A type of the user's own may take more to compare with than it keeps.
    return kind.coerce_compared_value(None, None) if isinstance(kind, TypeDecorator) else kind


def _exists(
    node: Where, entity: Any, steps: tuple[Relation, ...], slot: Callable[[], str]
) -> ColumnElement[bool]:
    """Follow the rest of the path by nested EXISTS, each with an alias of its own."""
    if not steps:
        return _compared(node, entity, slot)
    step, *rest = steps
    attribute = getattr(entity, step.name)
    target = aliased(step.target)
    inner = _exists(node, target, tuple(rest), slot)
    if step.many:
        found: ColumnElement[bool] = attribute.of_type(target).any(inner)
        return found
    found = attribute.of_type(target).has(inner)
    if node.flag is True and not any(item.many for item in rest):
        # Where there is no object at the end, its column is as good as NULL.
        return or_(found, not_(attribute.has()))
    return found
