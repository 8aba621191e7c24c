"""Determine which rows of each collection are read: as a schema declares, or as a call asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from pydantic import BaseModel

from colonnade.caches import memoized
from colonnade.errors import InvalidOperand, InvalidSchema, UnknownField, UsageError
from colonnade.filters import parse_conditions
from colonnade.mapping import check_mapped, did_you_mean
from colonnade.ordering import sort_key_of
from colonnade.pagination import check_limit_or_offset
from colonnade.schemas import NestedField, Plan, Rows, check_hidden, validator_of
from colonnade.scope import Bindings
from colonnade.spec import (
    AwaitedValue,
    Shape,
    Spec,
    bind_given_values,
    project_spec,
    values_awaited_by_plan,
    values_awaited_by_rows,
)

__all__ = [
    "Path",
    "Terms",
    "bind_terms",
    "check_given_values",
    "check_schema",
    "find_given_values",
    "terms_of",
]

#: The fields that lead to a collection.
Path: TypeAlias = tuple[str, ...]
#: Conditions, order and limit of the collections that have any; the others are read whole.
Terms: TypeAlias = Mapping[Path, Spec]
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


def terms_of(plan: Plan, given: Mapping[str, Any] | None = None) -> Terms:
    """Return the terms of collections: those that the schema declares, replaced by ``given`` ones.

    ``given`` has them by field; ``"team__missions"`` is a field of a nested schema. Raises
    ``InvalidSchema`` for a field that is no collection, and the errors of a query for terms that do
    not fit the collection's model.
    """
    declared = _declared_terms(plan)
    if not given:
        return declared
    collections = {
        "__".join(path): (path, nested) for path, nested in _iterate_collections(plan, ())
    }
    terms = dict(declared)
    for name, rows in given.items():
        # ``team.missions`` and ``team__missions`` name the same collection.
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
        terms[path] = _spec_of_rows(nested, rows)
    return terms


def bind_terms(terms: Terms, given: Mapping[str, Any]) -> Terms:
    """Return the terms of collections with the values that their conditions await."""
    if not given:
        return terms
    return {path: bind_given_values(rows, given) for path, rows in terms.items()}


def check_given_values(plan: Plan, terms: Terms, values: Mapping[str, Any]) -> None:
    """Raise an error for values that the schema cannot take.

    Raises ``UnknownField`` for a name that it does not await, and ``InvalidOperand`` for a value
    that does not fit the column with which it is compared.
    """
    wanted = _awaited_values(plan, terms)
    names = {item.awaited.name for item in wanted}
    for name in values.keys() - names:
        schema = plan.schema.__name__
        hint = did_you_mean(name, names, schema) if names else "no field of it has a Given"
        raise UnknownField(
            f"{schema} awaits no value {name!r}",
            hint=hint,
            model=plan.model.__name__,
            fields=(name,),
        )
    for item in wanted:
        if item.awaited.name in values:
            item.awaited.check(values[item.awaited.name])


def find_given_values(
    plan: Plan, terms: Terms, given: Mapping[str, Any], scope: Bindings
) -> Mapping[str, Any]:
    """Return the values that the schema awaits, by the names of the statements' bind parameters.

    A value in ``given`` takes precedence over that of the session's scope. Raises ``UsageError``
    for a value that neither has, and ``InvalidOperand``.
    """
    wanted = _awaited_values(plan, terms)
    if not wanted:
        return _NOTHING
    found: dict[str, Any] = {}
    for field, awaited in wanted:
        if awaited.key in found:  # another field awaits the same value
            continue
        if awaited.name in given:
            value = given[awaited.name]
        elif awaited.name in scope.values:
            value = scope.values[awaited.name]
        else:
            raise _missing_value(field, awaited.name)
        found[awaited.key] = awaited.check(value)
    return found


def check_schema(model: type[Any], schema: type[BaseModel], *, depth: int | None = None) -> Plan:
    """Return the plan for reading ``schema`` from ``model``; ``print`` it to see what runs.

    No statement runs. Raises ``InvalidSchema`` that names the field and the nearest attribute, or
    the scope that may hide a single object where the field takes no None, and what a query raises
    for the terms of a collection.
    """
    check_mapped(model)
    _, plan = project_spec(Spec(Shape(model)), schema, depth)
    check_hidden(plan)
    terms_of(plan)
    validator_of(plan)
    return plan


@memoized
def _declared_terms(plan: Plan) -> Terms:
    return {
        path: _spec_of_rows(nested, nested.rows)
        for path, nested in _iterate_collections(plan, ())
        if nested.rows is not None
    }


def _iterate_collections(plan: Plan, above: Path) -> Iterator[tuple[Path, NestedField]]:
    """Yield every collection of the plan, at any depth, with the fields that lead to it."""
    for nested in plan.many:
        yield (*above, nested.field), nested
    for nested in (*plan.ones, *plan.many):
        yield from _iterate_collections(nested.plan, (*above, nested.field))


def _spec_of_rows(nested: NestedField, rows: Rows) -> Spec:
    """Return the query that ``rows`` describes, on the collection's model."""
    model = nested.plan.model
    order = tuple(sort_key_of(model, name) for name in rows.order_by)
    spec = Spec(Shape(model)).sorted_by(order)
    if rows.where is not None:
        spec = spec.where(parse_conditions(model, (rows.where,), {}, awaiting=True))
    return (
        spec if rows.limit is None else spec.cut(limit=check_limit_or_offset("limit", rows.limit))
    )


def _awaited_values(plan: Plan, terms: Terms) -> tuple[AwaitedValue, ...]:
    """Return the values that the schema's figures and the terms of its collections await."""
    figures = values_awaited_by_plan(plan)
    return (*figures, *_awaited_in_terms(plan, terms)) if terms else figures


def _awaited_in_terms(plan: Plan, terms: Terms) -> Iterator[AwaitedValue]:
    for path, rows in terms.items():
        yield from values_awaited_by_rows(".".join((plan.schema.__name__, *path)), rows)


def _missing_value(field: str, name: str) -> UsageError:
    return UsageError(
        f"{field} awaits the value {name!r}, and nobody gave it",
        hint=f"give it with the question: .given({name}=…), or given={{{name!r}: …}} of create() "
        f"and update(); or with the session: db.session(scope={{{name!r}: …}})",
        fields=(field.partition(".")[2],),
    )
