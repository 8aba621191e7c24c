"""Find the values that a schema awaits: for which fields, and whether they decide the rows.

A schema's conditions are written once, for every caller. Where ``Given`` stands in one of them, its
value is bound with each query, like that of any lookup.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from colonnade.aggregates import ResolvedAggregate, groups_of
from colonnade.caches import memoized
from colonnade.filters import And, Comparison, Every, GivenOperand, Node, Not, Or, Some
from colonnade.schemas import Plan
from colonnade.spec.aggregate_sql import parse_aggregate_conditions
from colonnade.spec.figures import FigureRelation
from colonnade.spec.shape import Shape, Spec

__all__ = [
    "AwaitedValue",
    "bind_given_values",
    "find_deciding_values",
    "values_awaited_by_plan",
    "values_awaited_by_rows",
]


class AwaitedValue(NamedTuple):
    """A value that a field awaits, which is spelled for messages: ``ArticleRead.favorited``."""

    field: str
    awaited: GivenOperand


@memoized
def values_awaited_by_plan(plan: Plan) -> tuple[AwaitedValue, ...]:
    """Return what the figures of a plan await, at any depth."""
    return tuple(_iterate_awaited(plan))


def values_awaited_by_rows(field: str, rows: Spec) -> Iterator[AwaitedValue]:
    """Return what the terms of a collection await, which stands in this field."""
    return (AwaitedValue(field, value) for value in rows.values if isinstance(value, GivenOperand))


def bind_given_values(rows: Spec, given: Mapping[str, Any]) -> Spec:
    """Return the terms of a collection with the values that they await."""
    if not any(isinstance(value, GivenOperand) for value in rows.values):
        return rows
    values = (
        given[value.key] if isinstance(value, GivenOperand) else value for value in rows.values
    )
    return rows._replace(values=tuple(values))


def find_deciding_values(shape: Shape) -> frozenset[str]:
    """Return the keys of the awaited values that decide which rows come, and in which order.

    Those of figures that are merely shown are not among them.
    """
    uses = [(term.steps, term.column.name) for term in shape.order]
    uses += [(leaf.steps, leaf.column.name) for leaf in _iterate_comparisons(shape.where)]
    groups = groups_of(shape.model)
    own = {} if groups is None else {measure.field: measure for _, measure in groups.measures}
    found: set[str] = set()
    for steps, name in uses:
        # Figures of a row are behind their relation; those of a group are columns of the group.
        measures = steps[-1].measures if steps and isinstance(steps[-1], FigureRelation) else own
        if name in measures and (measures is not own or not steps):
            found.update(awaited.key for awaited in _awaited_by_measure(measures[name]))
    return frozenset(found)


def _iterate_awaited(plan: Plan) -> Iterator[AwaitedValue]:
    groups = groups_of(plan.model)
    measures = plan.measures if groups is None else groups.measures
    for _, measure in measures:
        for awaited in _awaited_by_measure(measure):
            yield AwaitedValue(f"{plan.schema.__name__}.{measure.field}", awaited)
    for nested in (*plan.ones, *plan.many):
        yield from _iterate_awaited(nested.plan)


def _awaited_by_measure(measure: ResolvedAggregate) -> Iterator[GivenOperand]:
    return (
        value
        for value in parse_aggregate_conditions(measure).values
        if isinstance(value, GivenOperand)
    )


def _iterate_comparisons(nodes: Iterable[Node]) -> Iterator[Comparison]:
    for node in nodes:
        match node:
            case Comparison():
                yield node
            case And(inner) | Or(inner):
                yield from _iterate_comparisons(inner)
            case Not(inner) | Some(_, inner) | Every(_, inner):
                yield from _iterate_comparisons((inner,))
            case _:
                pass
