"""In charge of giving a schema the values that it awaits, from a call or from the session."""

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
    """Raise ``UnknownField`` for a name that the schema does not await.

    Raise ``InvalidOperand`` for a value that the column it is compared with does not take.
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
    """Return what the schema awaits, by the keys that statements bind.

    What is ``given`` goes before the value of the session's scope. Raises ``UsageError`` for what
    neither has, and ``InvalidOperand``.
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
    """Return the terms of collections with the values that they await."""
    if not given:
        return terms
    return {path: with_values(rows, given) for path, rows in terms.items()}


def _wanted(plan: Plan, terms: Terms) -> tuple[Wanted, ...]:
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
