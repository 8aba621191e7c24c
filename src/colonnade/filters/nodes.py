"""In charge of what a condition is: a tree of leaves that say where, how, and not with what.

A node is part of a statement's shape. Leaves are made once for each lookup of a model and compared
by identity, so that looking a statement up by its shape costs next to nothing; their values travel
beside the tree, in the order in which the leaves are met.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement

from colonnade.filters.operators import Operator
from colonnade.mapping import Column, Relation

__all__ = ["And", "Every", "Node", "Not", "Or", "Raw", "Some", "Where"]


@dataclass(frozen=True, slots=True, eq=False)
class Where:
    """A leaf: the relations to follow, the column at their end, the operator.

    ``flag`` is the operand of an operator that takes a bool. ``check`` turns an operand into what
    is bound, or raises ``InvalidOperand``.
    """

    steps: tuple[Relation, ...]
    column: Column
    operator: Operator
    flag: bool | None
    check: Callable[[Any], Any]

    @property
    def binds(self) -> bool:
        """Whether a value is bound when the statement runs."""
        return self.flag is None


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite; what is unknown for NULL stays unknown."""

    node: Node


@dataclass(frozen=True, slots=True)
class Some:
    """At least one object at the end of the relations, for which the node holds."""

    steps: tuple[Relation, ...]
    node: Node


@dataclass(frozen=True, slots=True)
class Every:
    """No object at the end of the relations, for which the node does not hold."""

    steps: tuple[Relation, ...]
    node: Node


@dataclass(frozen=True, slots=True, eq=False)
class Raw:
    """An SQL expression of the user's own, on the columns of ``model``; it equals no other."""

    model: type[Any]
    element: ColumnElement[bool]


Node: TypeAlias = Where | And | Or | Not | Some | Every | Raw
