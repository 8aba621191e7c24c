"""Describe what reading a schema from a model takes: a ``Plan``, a tree that can be printed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from pydantic import BaseModel
from sqlalchemy.types import TypeEngine

from colonnade.aggregates import ResolvedAggregate, groups_of
from colonnade.mapping import Column, Relation
from colonnade.schemas.annotations import Rows

__all__ = ["ColumnField", "NestedField", "Plan"]


@dataclass(frozen=True, slots=True)
class ColumnField:
    """A field that one attribute of the model fills.

    ``name`` is that of the attribute, which is selected as ``getattr`` of a model or of its alias.
    ``column`` is None for an expression: a ``column_property`` or a hybrid.
    """

    field: str
    name: str
    type: TypeEngine[Any]
    column: Column | None


@dataclass(frozen=True, slots=True, eq=False)
class NestedField:
    """A field that a relation fills, with the plan for what is at its end.

    ``rows`` is what the field declares about its collection. ``takes_none`` is true if the field of
    a single object takes None.
    """

    field: str
    relation: Relation
    plan: Plan
    rows: Rows | None = None
    takes_none: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """How to read ``schema`` from ``model``: its columns, single objects and collections.

    ``ones`` are related single objects, which are joined; ``many`` are collections, each read by a
    statement of its own. ``measures`` are figures about the children of each object, by key.
    ``given`` are fields that hold a constant, since they lie deeper than the ``depth`` of the call.
    With ``objects`` a validator of the schema or a property of the model reads attributes. Then the
    keys are the model's attributes and not the schema's fields, and JSON is always made of rows.
    """

    model: type[Any]
    schema: type[BaseModel]
    columns: tuple[ColumnField, ...]
    ones: tuple[NestedField, ...] = ()
    many: tuple[NestedField, ...] = ()
    measures: tuple[tuple[str, ResolvedAggregate], ...] = ()
    given: tuple[tuple[str, Any], ...] = ()
    objects: bool = False

    @property
    def collects(self) -> bool:
        """True if there is a collection in the plan, below any number of single objects."""
        return bool(self.many) or any(nested.plan.collects for nested in self.ones)

    @property
    def size(self) -> int:
        """The number of columns and figures that are read, at any depth."""
        inner = sum(nested.plan.size for nested in (*self.ones, *self.many))
        return len(self.columns) + len(self.measures) + inner

    def reads_like(self, other: Plan) -> bool:
        """Return whether the other plan reads the same and fills the same fields with it."""
        return self is other or _comparable(self) == _comparable(other)

    def __str__(self) -> str:
        lines = list(_describe_fields(self, "  ", count(2)))
        statements = 1 + sum("(statement " in line for line in lines)
        told = "1 statement" if statements == 1 else f"{statements} statements"
        return "\n".join([f"{_plan_title(self)}: {told}", *lines])


def _comparable(plan: Plan) -> tuple[Any, ...]:
    """Return all that a plan reads, as a value that can be compared."""
    nested = (
        (item.field, item.relation, item.rows, _comparable(item.plan))
        for item in (*plan.ones, *plan.many)
    )
    return plan.model, plan.objects, plan.columns, plan.measures, plan.given, tuple(nested)


def _plan_title(plan: Plan) -> str:
    through = " by attributes" if plan.objects else ""
    groups = groups_of(plan.model)
    source = plan.model.__name__ if groups is None else f"groups of {groups.model.__name__}"
    return f"{plan.schema.__name__} from {source}{through}"


def _describe_fields(plan: Plan, indent: str, numbers: Iterator[int]) -> Iterator[str]:
    """Yield a line for each field; ``numbers`` counts the statements of collections."""
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
        yield f"{indent}{_nested_title(nested)} (joined)"
        yield from _describe_fields(nested.plan, indent + "  ", numbers)
    for nested in plan.many:
        terms = ", ".join(["", *nested.rows.describe_terms()]) if nested.rows else ""
        yield f"{indent}{_nested_title(nested)} (statement {next(numbers)}{terms})"
        yield from _describe_fields(nested.plan, indent + "  ", numbers)


def _nested_title(nested: NestedField) -> str:
    source = "" if nested.relation.name == nested.field else f" = {nested.relation.name}"
    return f"{nested.field}{source}: {_plan_title(nested.plan)}"
