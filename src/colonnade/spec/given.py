"""Find the values that a schema awaits: for which fields, and whether they decide the rows.

A schema's conditions are written once, for every caller. Where ``Given`` stands in one of them, its
value is bound with each query, like that of any lookup.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from colonnade.aggregates import Measure, groups_of
from colonnade.caches import memoized
from colonnade.filters import And, Comparison, Every, GivenOperand, Node, Not, Or, Some
from colonnade.schemas import Plan
from colonnade.spec.aggregate_sql import check
from colonnade.spec.figures import Figures
from colonnade.spec.shape import Shape, Spec

__all__ = ["Wanted", "deciding", "wanted_by_plan", "wanted_by_rows", "with_values"]


class Wanted(NamedTuple):
    """A value that a field awaits, which is spelled for messages: ``ArticleRead.favorited``."""

    field: str
    awaited: GivenOperand


@memoized
def wanted_by_plan(plan: Plan) -> tuple[Wanted, ...]:
    """Return what the figures of a plan await, at any depth."""
    return tuple(_wanted(plan))


def wanted_by_rows(field: str, rows: Spec) -> Iterator[Wanted]:
    """Return what the terms of a collection await, which stands in this field."""
    return (Wanted(field, value) for value in rows.values if isinstance(value, GivenOperand))


def with_values(rows: Spec, given: Mapping[str, Any]) -> Spec:
    """Return the terms of a collection with the values that they await."""
    if not any(isinstance(value, GivenOperand) for value in rows.values):
        return rows
    values = (
        given[value.key] if isinstance(value, GivenOperand) else value for value in rows.values
    )
    return rows._replace(values=tuple(values))


def deciding(shape: Shape) -> frozenset[str]:
    """Return the keys of the awaited values that decide which rows come, and in which order.

    Those of figures that are merely shown are not among them.
    """
    uses = [(term.steps, term.column.name) for term in shape.order]
    uses += [(leaf.steps, leaf.column.name) for leaf in _leaves(shape.where)]
    groups = groups_of(shape.model)
    own = {} if groups is None else {measure.field: measure for _, measure in groups.measures}
    found: set[str] = set()
    for steps, name in uses:
        # Figures of a row are behind their relation; those of a group are columns of the group.
        measures = steps[-1].measures if steps and isinstance(steps[-1], Figures) else own
        if name in measures and (measures is not own or not steps):
            found.update(awaited.key for awaited in _awaited(measures[name]))
    return frozenset(found)


def _wanted(plan: Plan) -> Iterator[Wanted]:
    groups = groups_of(plan.model)
    measures = plan.measures if groups is None else groups.measures
    for _, measure in measures:
        for awaited in _awaited(measure):
            yield Wanted(f"{plan.schema.__name__}.{measure.field}", awaited)
    for nested in (*plan.ones, *plan.many):
        yield from _wanted(nested.plan)


def _awaited(measure: Measure) -> Iterator[GivenOperand]:
    return (value for value in check(measure).values if isinstance(value, GivenOperand))


def _leaves(nodes: Iterable[Node]) -> Iterator[Comparison]:
    for node in nodes:
        match node:
            case Comparison():
                yield node
            case And(inner) | Or(inner):
                yield from _leaves(inner)
            case Not(inner) | Some(_, inner) | Every(_, inner):
                yield from _leaves((inner,))
            case _:
                pass
