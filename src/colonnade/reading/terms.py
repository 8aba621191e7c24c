"""Determine which rows of each collection are read: as a schema declares, or as a call asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from colonnade.errors import InvalidOperand, InvalidSchema
from colonnade.filters import conditions
from colonnade.loading import Nested, Plan, Rows
from colonnade.mapping import did_you_mean, memoized
from colonnade.ordering import term_of
from colonnade.pagination import check_bounds
from colonnade.spec import Shape, Spec

__all__ = ["Path", "Terms", "terms_of"]

#: The fields that lead to a collection.
Path: TypeAlias = tuple[str, ...]
#: Conditions, order and limit of the collections that have any; the others are read whole.
Terms: TypeAlias = Mapping[Path, Spec]


def terms_of(plan: Plan, given: Mapping[str, Any] | None = None) -> Terms:
    """Return the terms of collections: those that the schema declares, replaced by ``given`` ones.

    ``given`` has them by field; ``"team__missions"`` is a field of a nested schema. Raises
    ``InvalidSchema`` for a field that is no collection, and the errors of a query for terms that do
    not fit the collection's model.
    """
    declared = _declared(plan)
    if not given:
        return declared
    collections = {"__".join(path): (path, nested) for path, nested in _collections(plan, ())}
    terms = dict(declared)
    for name, rows in given.items():
        if name.replace(".", "__") not in collections:
            raise InvalidSchema(
                f"{plan.schema.__name__} has no collection {name!r}",
                hint=did_you_mean(name, collections, plan.schema.__name__),
                model=plan.model.__name__,
                fields=(name,),
            )
        if not isinstance(rows, Rows):
            raise InvalidOperand(
                f"{name} takes Rows, not {type(rows).__name__}",
                hint=f"{name}=Rows(order_by='-id', limit=3)",
                model=plan.model.__name__,
                fields=(name,),
            )
        path, nested = collections[name.replace(".", "__")]
        terms[path] = _spec(nested, rows)
    return terms


@memoized
def _declared(plan: Plan) -> Terms:
    return {
        path: _spec(nested, nested.rows)
        for path, nested in _collections(plan, ())
        if nested.rows is not None
    }


def _collections(plan: Plan, above: Path) -> Iterator[tuple[Path, Nested]]:
    """Yield every collection of the plan, at any depth, with the fields that lead to it."""
    for nested in plan.many:
        yield (*above, nested.field), nested
    for nested in (*plan.ones, *plan.many):
        yield from _collections(nested.plan, (*above, nested.field))


def _spec(nested: Nested, rows: Rows) -> Spec:
    """Return the query that ``rows`` describes, on the collection's model."""
    model = nested.plan.model
    order = tuple(term_of(model, name) for name in rows.order_by)
    spec = Spec(Shape(model)).sorted_by(order)
    if rows.where is not None:
        spec = spec.where(conditions(model, (rows.where,), {}, awaiting=True))
    return spec if rows.limit is None else spec.cut(limit=check_bounds("limit", rows.limit))
