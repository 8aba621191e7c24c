"""In charge of the terms on which collections are read: declared by a schema, given by a call."""

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
#: What is asked of the collections that are not read whole and in the relation's own order.
Terms: TypeAlias = Mapping[Path, Spec]


def terms_of(plan: Plan, given: Mapping[str, Any] | None = None) -> Terms:
    """The terms that the schema declares, and in their place those ``given`` by field.

    ``"team__missions"`` leads through a nested schema. Raises ``InvalidSchema`` for a field that
    is no collection, and what a query raises for terms that its model cannot answer.
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
    for nested in plan.many:
        yield (*above, nested.field), nested
    for nested in (*plan.ones, *plan.many):
        yield from _collections(nested.plan, (*above, nested.field))


def _spec(nested: Nested, rows: Rows) -> Spec:
    model = nested.plan.model
    order = tuple(term_of(model, name) for name in rows.order_by)
    spec = Spec(Shape(model, order=order))
    if rows.where is not None:
        spec = spec.where(conditions(model, (rows.where,), {}, awaiting=True))
    return spec if rows.limit is None else spec.cut(limit=check_bounds("limit", rows.limit))
