"""The nodes of a parsed condition: a tree without the values to compare with.

A node is part of the shape by which a statement is cached, so it must not hold what changes from
call to call. Values stand beside the tree, in the order of the leaves. A leaf is made once for
each lookup of a model and compared by identity: that makes the look-up of a shape cheap.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement

from colonnade.filters.operators import Operator
from colonnade.mapping import Column, Expression, Relation

__all__ = ["And", "Comparison", "Every", "Node", "Not", "Or", "SQLCondition", "Some"]


# eq=False: a leaf is equal only to itself, which makes comparing and hashing a shape cheap.
@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """A leaf that compares a column or expression: the relations to it, itself, the operator.

    ``flag`` is the operand where it is True or False, which is written into the statement; it is
    None where the operand is bound. ``check`` returns the value to bind for an operand, or raises
    ``InvalidOperand``.
    """

    steps: tuple[Relation, ...]
    column: Column | Expression
    operator: Operator
    flag: bool | None
    check: Callable[[Any], Any]

    @property
    def binds(self) -> bool:
        """True if a value is bound when the statement runs."""
        return self.flag is None


@dataclass(frozen=True, slots=True)
class And:
    """A conjunction: every node must hold. Without nodes it holds for every row."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """A disjunction: one node must hold. Without nodes it holds for no row."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """A negation: the node must be false. Where the node is NULL, so is its negation."""

    node: Node


@dataclass(frozen=True, slots=True)
class Some:
    """An EXISTS: the node must hold for at least one object at the end of the relations."""

    steps: tuple[Relation, ...]
    node: Node


@dataclass(frozen=True, slots=True)
class Every:
    """A NOT EXISTS: the node must hold for all objects at the end of the relations, if any."""

    steps: tuple[Relation, ...]
    node: Node


@dataclass(frozen=True, slots=True, eq=False)
class SQLCondition:
    """A leaf with a user's SQL expression on the columns of ``model``.

    It is equal to itself only: SQL expressions cannot be compared, so that a statement with one
    cannot be found by its shape.
    """

    model: type[Any]
    element: ColumnElement[bool]


Node: TypeAlias = Comparison | And | Or | Not | Some | Every | SQLCondition
