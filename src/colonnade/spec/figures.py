"""Conditions and order by figures: those of a group, or those that a row has of its children.

The figures of a row are the target of a ``ComputedRelation``, which no join follows; so conditions
and sort keys need no special case for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel
from sqlalchemy import ColumnElement

from colonnade.aggregates import (
    Grouped,
    ResolvedAggregate,
    figures_class_of,
    groups_of,
    resolve_groups,
    resolve_row_aggregates,
)
from colonnade.caches import memoized
from colonnade.errors import AmbiguousLookup, InvalidOperand, UnknownField
from colonnade.filters import (
    And,
    Comparison,
    ComputedRelation,
    JoinTree,
    Node,
    Not,
    Or,
    ParsedConditions,
    parse_conditions,
)
from colonnade.mapping import Relation, did_you_mean, mapping_of, names_of
from colonnade.ordering import SortKey, drop_repeated_keys, sort_key_of, sort_keys_of
from colonnade.schemas import Plan, check_arguments, plan_of
from colonnade.spec.aggregate_sql import build_children_aggregate, parse_aggregate_conditions
from colonnade.spec.shape import Shape, Spec

__all__ = ["FigureRelation", "apply_having", "figure_sort_keys", "project_spec"]


def project_spec(
    spec: Spec, schema: type[BaseModel], depth: int | None = None
) -> tuple[Spec, Plan]:
    """Return the spec as ``schema`` asks for it, about rows or about groups, and the plan.

    Raises ``InvalidSchema``, and what the conditions of its aggregates raise.
    """
    model = spec.shape.model
    check_arguments(schema, depth)
    made, plan = _resolve_schema(model, schema, depth)
    if made is None:
        return spec, plan
    if spec.is_cut or spec.shape.order:
        raise InvalidOperand(
            f"{schema.__name__} is about groups; the query has an order, limit or offset of rows",
            hint="call into() first: what follows it is about the groups",
            model=model.__name__,
        )
    return Spec(Shape(made.entity)).grouped(spec), plan


def apply_having(
    spec: Spec, schema: type[BaseModel], given: tuple[Any, ...], lookups: dict[str, Any]
) -> Spec:
    """Return the spec with these conditions on the schema's figures added."""
    if groups_of(spec.shape.model) is not None:
        return spec.where(parse_conditions(spec.shape.model, given, lookups))
    figures = figures_class_of(spec.shape.model, schema)
    if figures is None:
        raise InvalidOperand(
            f"{schema.__name__} has no aggregates, which having is about",
            hint="conditions on rows stand in where()",
            model=spec.shape.model.__name__,
        )
    # Parsed as conditions on the class mapped for the figures, then moved to where rows find them.
    found = parse_conditions(figures, given, lookups)
    steps = (_figure_relation(spec.shape.model, schema),)
    nodes = tuple(_move_node(node, steps) for node in found.nodes)
    return spec.where(ParsedConditions(nodes, found.values, found.raw))


def figure_sort_keys(
    model: type[Any], schema: type[BaseModel], names: tuple[Any, ...]
) -> tuple[SortKey, ...]:
    """Return the sort keys for names of the schema's figures or of the model's columns."""
    figures = figures_class_of(model, schema)
    if figures is None:
        return sort_keys_of(model, names)
    known = mapping_of(figures).columns
    return drop_repeated_keys(_figure_sort_key(model, schema, known, name) for name in names)


@dataclass(frozen=True, slots=True, eq=False)
class FigureRelation(ComputedRelation):
    """The relation from a row to its figures; ``measures`` has them by field."""

    measures: Mapping[str, ResolvedAggregate]


@memoized
def _resolve_schema(
    model: type[Any], schema: type[BaseModel], depth: int | None
) -> tuple[Grouped | None, Plan]:
    """Return the groups that a schema asks for, or None, and the plan. Checks every condition."""
    made = resolve_groups(model, schema)
    plan = plan_of(model if made is None else made.entity, schema, depth)
    _check_plan_aggregates(plan)
    for _, measure in () if made is None else made.measures:
        parse_aggregate_conditions(measure)
    return made, plan


def _figure_sort_key(
    model: type[Any], schema: type[BaseModel], known: Mapping[str, Any], name: Any
) -> SortKey:
    plain = name.lstrip("+-").partition(" ")[0] if isinstance(name, str) else ""
    if plain not in known:
        try:
            return sort_key_of(model, name)
        except UnknownField as error:
            if error.fields != (plain,):
                raise
            names = names_of(model)
            hint = did_you_mean(plain, known, schema.__name__, (names, model.__name__))
            raise UnknownField(
                f"{model.__name__} and {schema.__name__} have no field {plain!r}",
                hint=hint,
                model=error.model,
                fields=error.fields,
            ) from None
    # A column of the model and a figure of the schema with one name: either could be meant.
    if plain in names_of(model):
        kind = "a column" if plain in mapping_of(model).columns else "an expression"
        raise AmbiguousLookup(
            f"{plain!r} is {kind} of {model.__name__} and an aggregate of {schema.__name__}",
            hint="give the aggregate's field another name",
            model=model.__name__,
            fields=(plain,),
        )
    return _make_figure_sort_key(model, schema, name)


class _FigureColumns:
    """The figures of a row as attributes; each is built as SQL when it is read."""

    def __init__(self, measures: dict[str, ResolvedAggregate], sources: JoinTree) -> None:
        self._measures = measures
        self._sources = sources

    def __getattr__(self, name: str) -> ColumnElement[Any]:
        return build_children_aggregate(self._measures[name], self._sources)


@memoized
def _figure_relation(model: type[Any], schema: type[BaseModel]) -> FigureRelation:
    measures = resolve_row_aggregates(model, schema, nested=True)
    return FigureRelation(
        name=schema.__name__,
        target=figures_class_of(model, schema) or model,
        many=False,
        optional=False,
        direction="many_to_one",
        secondary=None,
        viewonly=True,
        local=(),
        multiplies=False,
        build=lambda sources: _FigureColumns(measures, sources),
        measures=measures,
    )


@memoized
def _make_figure_sort_key(model: type[Any], schema: type[BaseModel], name: str) -> SortKey:
    figures = _figure_relation(model, schema)
    return replace(sort_key_of(figures.target, name), steps=(figures,))


def _move_node(node: Node, steps: tuple[Relation, ...]) -> Node:
    """Return the condition moved to the end of ``steps``."""
    match node:
        case Comparison():
            return _move_comparison(node, steps)
        case And(nodes):
            return And(tuple(_move_node(item, steps) for item in nodes))
        case Or(nodes):
            return Or(tuple(_move_node(item, steps) for item in nodes))
        case Not(inner):
            return Not(_move_node(inner, steps))
        case _:
            return node


@memoized
def _move_comparison(node: Comparison, steps: tuple[Relation, ...]) -> Comparison:
    return replace(node, steps=(*steps, *node.steps))


def _check_plan_aggregates(plan: Plan) -> None:
    """Parse the conditions of every aggregate, so that mistakes raise before anything runs."""
    for _, measure in plan.measures:
        parse_aggregate_conditions(measure)
    for nested in (*plan.ones, *plan.many):
        _check_plan_aggregates(nested.plan)
