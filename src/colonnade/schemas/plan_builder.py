"""Build a plan step by step: each field of a schema adds what it reads to a ``PlanBuilder``."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from sqlalchemy.types import NullType

from colonnade.aggregates import ResolvedAggregate
from colonnade.errors import InvalidSchema
from colonnade.mapping import Column, Expression, Relation, mapping_of
from colonnade.mapping.attributes import ModelAttribute, attribute_of, attributes_of
from colonnade.schemas.annotations import Rows
from colonnade.schemas.plan import ColumnField, NestedField, Plan

__all__ = ["ColumnsOnly", "PlanBuilder"]


class ColumnsOnly:
    """The model of a plan for a SELECT that has columns and no model."""


class PlanBuilder:
    """An unfinished plan: what is read from ``model``, by the keys that the plan will have."""

    def __init__(
        self, model: type[Any], schema: type[BaseModel], labels: tuple[str, ...] = ()
    ) -> None:
        self.model = model
        self.schema = schema
        #: The names of the columns in a user's own SELECT, beside the model's objects if any.
        self.labels = labels
        self.given: dict[str, Any] = {}
        self.measures: dict[str, ResolvedAggregate] = {}
        self._leaves: dict[str, ColumnField] = {}
        self._related: dict[str, tuple[Relation, PlanBuilder, Rows | None]] = {}
        self._expected: set[str] = set()

    @property
    def title(self) -> str:
        """The name of what fills the fields, for a message."""
        return "the select" if self.model is ColumnsOnly else self.model.__name__

    def attribute(self, name: str) -> ModelAttribute | None:
        """Return what fills a field that looks for ``name``, or None."""
        if name in self.labels:
            return Expression(name, NullType())
        return None if self.model is ColumnsOnly else attribute_of(self.model, name)

    def fillable_names(self) -> list[str]:
        """Return the names of all that can fill a field."""
        mapped = [] if self.model is ColumnsOnly else attributes_of(self.model)
        return [*self.labels, *mapped]

    def add_column(self, key: str, attribute: Column | Expression) -> None:
        """Add a column or an expression, to be read under ``key``."""
        column = attribute if isinstance(attribute, Column) else None
        # What a type is taken for when it is asked for, the rows may not have.
        told = isinstance(attribute, Expression) and attribute.coerced
        kind = NullType() if told else attribute.type
        self._leaves[key] = ColumnField(key, attribute.name, kind, column)

    def add_relation(
        self,
        relation: Relation,
        schema: type[BaseModel],
        key: str | None = None,
        rows: Rows | None = None,
        *,
        takes_none: bool = True,
    ) -> PlanBuilder:
        """Return the builder for a relation's target, the same one for each call with this key.

        Raises ``InvalidSchema`` if the key is used already with another relation or other ``rows``.
        """
        key = key or relation.name
        if not takes_none:
            self._expected.add(key)
        found = self._related.get(key)
        if found is None:
            target = PlanBuilder(mapping_of(relation.target).model, schema)
            self._related[key] = (relation, target, rows)
            return target
        known, target, terms = found
        if terms is not rows or known != relation:
            raise InvalidSchema(
                f"{self.schema.__name__}: {self.model.__name__}.{relation.name} is read twice, "
                "on terms of its own and, since code looks at its objects, under one name",
                hint="write the field with Rows or Unscoped in a schema without validators that "
                "run before",
                model=self.model.__name__,
                fields=(relation.name,),
            )
        if target.schema is BaseModel:
            target.schema = schema
        return target

    def build_plan(self, *, objects: bool) -> Plan:
        """Return the finished plan."""
        nested = [
            NestedField(
                key, relation, draft.build_plan(objects=objects), rows, key not in self._expected
            )
            for key, (relation, draft, rows) in self._related.items()
        ]
        return Plan(
            model=self.model,
            schema=self.schema,
            columns=tuple(self._leaves.values()),
            ones=tuple(item for item in nested if not item.relation.many),
            many=tuple(item for item in nested if item.relation.many),
            measures=tuple(self.measures.items()),
            given=tuple(self.given.items()),
            objects=objects,
        )
