"""Find the values for a schema's ``Given`` fields: in the call, or in the session's scope."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from colonnade.errors import UnknownField, UsageError
from colonnade.loading import Plan
from colonnade.mapping import did_you_mean
from colonnade.reading.terms import Terms
from colonnade.scope import Bindings
from colonnade.spec import Wanted, wanted_by_plan, wanted_by_rows, with_values

__all__ = ["check_given", "give_terms", "given_values"]

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


def check_given(plan: Plan, terms: Terms, values: Mapping[str, Any]) -> None:
    """Raise an error for values that the schema cannot take.

    Raises ``UnknownField`` for a name that it does not await, and ``InvalidOperand`` for a value
    that does not fit the column with which it is compared.
    """
    wanted = _wanted(plan, terms)
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


def given_values(
    plan: Plan, terms: Terms, given: Mapping[str, Any], scope: Bindings
) -> Mapping[str, Any]:
    """Return the values that the schema awaits, by the names of the statements' bind parameters.

    A value in ``given`` takes precedence over that of the session's scope. Raises ``UsageError``
    for a value that neither has, and ``InvalidOperand``.
    """
    wanted = _wanted(plan, terms)
    if not wanted:
        return _NOTHING
    found: dict[str, Any] = {}
    for field, awaited in wanted:
        if awaited.key in found:
            continue
        if awaited.name in given:
            value = given[awaited.name]
        elif awaited.name in scope.values:
            value = scope.values[awaited.name]
        else:
            raise _unbound(field, awaited.name)
        found[awaited.key] = awaited.check(value)
    return found


def give_terms(terms: Terms, given: Mapping[str, Any]) -> Terms:
    """Return the terms of collections with the values that their conditions await."""
    if not given:
        return terms
    return {path: with_values(rows, given) for path, rows in terms.items()}


def _wanted(plan: Plan, terms: Terms) -> tuple[Wanted, ...]:
    """Return the values that the schema's figures and the terms of its collections await."""
    figures = wanted_by_plan(plan)
    return (*figures, *_in_terms(plan, terms)) if terms else figures


def _in_terms(plan: Plan, terms: Terms) -> Iterator[Wanted]:
    for path, rows in terms.items():
        yield from wanted_by_rows(".".join((plan.schema.__name__, *path)), rows)


def _unbound(field: str, name: str) -> UsageError:
    return UsageError(
        f"{field} awaits the value {name!r}, and nobody gave it",
        hint=f"give it with the question: .given({name}=…), or given={{{name!r}: …}} of create() "
        f"and update(); or with the session: db.session(scope={{{name!r}: …}})",
        fields=(field.partition(".")[2],),
    )
