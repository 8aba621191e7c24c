"""Apply a service's own scopes: conditions for what it reads, fixed values for what it writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ClauseElement

from colonnade.errors import OutOfScope
from colonnade.filters import Condition
from colonnade.scope import Bindings, Scope
from colonnade.scope.writes import unknowable_write_error
from colonnade.sql.text import BytewiseCondition

__all__ = ["check_row", "fixed_values", "scope_conditions", "scope_criteria"]


def scope_criteria(model: type[Any], scopes: tuple[Scope, ...], bindings: Bindings) -> list[Any]:
    """Return SQL conditions for the rows that the service may see; text is compared exactly.

    Raises ``ScopeUnbound`` or ``InvalidOperand``.
    """
    return [
        BytewiseCondition(scope.criterion(model, bindings.value_of(scope, model)))
        for scope in scopes
        if scope.name not in bindings.lifted
    ]


def scope_conditions(
    model: type[Any], scopes: tuple[Scope, ...], bindings: Bindings
) -> list[Condition]:
    """Return conditions for ``where`` that select the rows which the service may see.

    A scope by column becomes a lookup, so that its statement is built once for all values.
    """
    found: list[Condition] = [
        {name: value} for name, (_, value) in fixed_values(model, scopes, bindings).items()
    ]
    # A scope that is a condition of its own is SQL, and its statement cannot be shared.
    conditions = tuple(scope for scope in scopes if scope.column is None)
    return found + scope_criteria(model, conditions, bindings)


def fixed_values(
    model: type[Any], scopes: tuple[Scope, ...], bindings: Bindings
) -> dict[str, tuple[str, Any]]:
    """Return the values that every row written by the service has, by attribute: (scope, value)."""
    return {
        scope.column: (scope.name, bindings.value_of(scope, model))
        for scope in scopes
        if scope.column is not None and scope.name not in bindings.lifted
    }


def check_row(
    model: type[Any], values: Mapping[str, tuple[str, Any]], row: Mapping[str, Any]
) -> None:
    """Raise ``OutOfScope`` if the row names another value than the service's.

    Raises ``UsageError`` for an expression, whose value only the database knows.
    """
    for name, (scope, value) in values.items():
        if name not in row:
            continue
        if isinstance(row[name], ClauseElement):
            raise unknowable_write_error(
                f"an expression for the {name} of a service", [scope], model.__name__
            )
        if row[name] != value:
            raise OutOfScope.another(model.__name__, name, scope)
