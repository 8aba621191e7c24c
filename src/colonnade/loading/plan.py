"""In charge of the plan: what reading a schema from a model takes, as a tree that prints itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from pydantic import BaseModel
from sqlalchemy.types import TypeEngine

from colonnade.loading.groups import groups_of
from colonnade.loading.measures import Measure
from colonnade.loading.terms import Rows
from colonnade.mapping import Column, Relation

__all__ = ["Leaf", "Nested", "Plan"]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A field that one attribute of the model fills.

    ``name`` is the attribute's, which ``getattr`` of an entity or its alias selects. ``column`` is
    None for an expression: a ``column_property`` or a hybrid.
    """

    field: str
    name: str
    type: TypeEngine[Any]
    column: Column | None


@dataclass(frozen=True, slots=True, eq=False)
class Nested:
    """A field that a relation fills, with the plan for what is at its end.

    ``rows`` is what the field declares about its collection. ``takes_none`` says of a single object
    whether the field can do without it.
    """

    field: str
    relation: Relation
    plan: Plan
    rows: Rows | None = None
    takes_none: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What reading ``schema`` from ``model`` takes: columns, single objects, collections.

    ``measures`` are figures about the children of each object, by key.
    ``given`` are fields that hold a constant, since they lie beyond the depth that was asked for.
    With ``objects`` the schema's validators, or properties of the model, look at attributes: then
    the keys are the model's attributes in place of the schema's fields, and only rows will do.
    """

    model: type[Any]
    schema: type[BaseModel]
    columns: tuple[Leaf, ...]
    ones: tuple[Nested, ...] = ()
    many: tuple[Nested, ...] = ()
    measures: tuple[tuple[str, Measure], ...] = ()
    given: tuple[tuple[str, Any], ...] = ()
    objects: bool = False

    @property
    def collects(self) -> bool:
        """Whether there is a collection in it, at any depth."""
        return bool(self.many) or any(nested.plan.collects for nested in self.ones)

    @property
    def size(self) -> int:
        """How many columns and figures are read, at any depth."""
        inner = sum(nested.plan.size for nested in (*self.ones, *self.many))
        return len(self.columns) + len(self.measures) + inner

    def same(self, other: Plan) -> bool:
        """Whether the other plan reads the same and makes the same of it."""
        return self is other or _reads(self) == _reads(other)

    def __str__(self) -> str:
        lines = list(_lines(self, "  ", count(2)))
        statements = 1 + sum("(statement " in line for line in lines)
        told = "1 statement" if statements == 1 else f"{statements} statements"
        return "\n".join([f"{_head(self)}: {told}", *lines])


def _reads(plan: Plan) -> tuple[Any, ...]:
    nested = (
        (item.field, item.relation, item.rows, _reads(item.plan))
        for item in (*plan.ones, *plan.many)
    )
    return plan.model, plan.objects, plan.columns, plan.measures, plan.given, tuple(nested)


def _head(plan: Plan) -> str:
    through = " by attributes" if plan.objects else ""
    groups = groups_of(plan.model)
    source = plan.model.__name__ if groups is None else f"groups of {groups.model.__name__}"
    return f"{plan.schema.__name__} from {source}{through}"


def _lines(plan: Plan, indent: str, numbers: Iterator[int]) -> Iterator[str]:
    groups = groups_of(plan.model)
    for leaf in plan.columns:
        source = leaf.name if leaf.column is None else leaf.column.column.name
        source = source if groups is None else groups.source(source)
        kind = " (expression)" if leaf.column is None else ""
        yield f"{indent}{leaf.field}" + (f" = {source}" if source != leaf.field else "") + kind
    for _, measure in plan.measures:
        yield f"{indent}{measure.field} = {measure.aggregate!r}"
    for field, value in plan.given:
        yield f"{indent}{field} = {value!r}"
    for nested in plan.ones:
        yield f"{indent}{_titled(nested)} (joined)"
        yield from _lines(nested.plan, indent + "  ", numbers)
    for nested in plan.many:
        terms = ", ".join(["", *nested.rows.told()]) if nested.rows else ""
        yield f"{indent}{_titled(nested)} (statement {next(numbers)}{terms})"
        yield from _lines(nested.plan, indent + "  ", numbers)


def _titled(nested: Nested) -> str:
    source = "" if nested.relation.name == nested.field else f" = {nested.relation.name}"
    return f"{nested.field}{source}: {_head(nested.plan)}"
