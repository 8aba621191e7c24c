"""Check a session's value for a scope against the columns that the scope compares it with.

The value is checked and converted when it is bound, like the operand of a lookup on the same
column. Without that, MariaDB would take the value ``"abc"`` for tenant 0.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from sqlalchemy import BindParameter, ColumnClause, bindparam, inspect
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import BinaryExpression
from sqlalchemy.sql.visitors import iterate
from sqlalchemy.types import TypeEngine

from colonnade._compat.sqlalchemy_annotations import annotation_of
from colonnade.caches import memoized
from colonnade.errors import InvalidMapping, InvalidOperand
from colonnade.filters.operands import comparison_validator_for
from colonnade.mapping import configure
from colonnade.scope.declared import Scope
from colonnade.values import attribute_python_type

__all__ = ["Subject", "check_keys_of", "fit_value", "subject_of"]

Check: TypeAlias = Callable[[Any], Any]
#: What makes two checks the same: the column's name, its Python and SQL types, and whether it
#: takes a list of values.
_Sort: TypeAlias = tuple[str, Any, str, bool]

_LISTS: Final = frozenset({operators.in_op, operators.not_in_op})
_COMPARISONS: Final = _LISTS | {
    operators.eq,
    operators.ne,
    operators.lt,
    operators.le,
    operators.gt,
    operators.ge,
    operators.is_distinct_from,
    operators.is_not_distinct_from,
}


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A scope together with a model that has it.

    ``subject_of`` makes one object for each pair, so that it is compared by identity: a cheap key.
    """

    model: type[Any]
    scope: Scope


@memoized
def subject_of(model: type[Any], scope: Scope) -> Subject:
    """Return the one subject for a scope of a model, or of a service for that model."""
    return Subject(model, scope)


def fit_value(subject: Subject, value: Any) -> tuple[Any, bool]:
    """Return the value converted for the columns, and whether any column is compared with it.

    Raises ``InvalidOperand`` if a column does not take the value.
    """
    checks = _checks_of(subject) or {}
    found = value
    for place, ((name, *_), check) in enumerate(checks.items()):
        try:
            fitted = check(value)
        except InvalidOperand as error:
            raise InvalidOperand(
                f"the scope {subject.scope.name!r}: {error.message}",
                hint=error.hint,
                model=subject.model.__name__,
                fields=(name,),
            ) from None
        if place == 0:
            found = fitted
        elif type(fitted) is not type(found) or fitted != found:
            # The columns would convert it differently, and one parameter serves them all.
            found = value
    return found, bool(checks)


def check_keys_of(subject: Subject) -> frozenset[_Sort] | None:
    """Return what makes the subject's checks; None if mappers cannot be configured yet."""
    checks = _checks_of(subject)
    return None if checks is None else frozenset(checks)


def _checks_of(subject: Subject) -> Mapping[_Sort, Check] | None:
    """Return the checks for a subject's values; None if mappers cannot be configured yet."""
    scope = subject.scope
    if not scope.takes_value:
        return {}
    if scope.where is not None:
        try:
            # A condition may follow relations.
            configure(inspect(subject.model).registry)
        except InvalidMapping:
            # The error is raised when the model itself is used.
            return None
    return _find_checks(subject)


@memoized
def _find_checks(subject: Subject) -> Mapping[_Sort, Check]:
    model, scope = subject.model, subject.scope
    if scope.column is not None:
        stored = getattr(getattr(model, scope.column, None), "type", None)
        # For a name that is no column, ``rules`` raises when mappers are configured.
        return {} if stored is None else _build_check(model, scope.column, stored)
    found: dict[_Sort, Check] = {}
    for checks in _iterate_compared(model, scope):
        found |= checks
    return found


def _iterate_compared(model: type[Any], scope: Scope) -> Iterator[Mapping[_Sort, Check]]:
    """Yield the checks of the columns that a condition compares directly with the value.

    A value inside of an expression or a function is not checked: its type is not the column's.
    """
    for element in iterate(scope.criterion(model, bindparam(scope.name))):
        if not isinstance(element, BinaryExpression) or element.operator not in _COMPARISONS:
            continue
        left, right = element.left, element.right
        for column, value in ((left, right), (right, left)):
            if not (isinstance(value, BindParameter) and value.key == scope.name):
                continue
            if isinstance(column, ColumnClause):
                # SQLAlchemy annotates a column that comes from a model's attribute with these.
                mapper: Any = annotation_of(column, "parentmapper")
                name = str(annotation_of(column, "proxy_key") or column.key)
                owner = type(None) if mapper is None else mapper.class_
                yield _build_check(owner, name, column.type, listed=element.operator in _LISTS)


def _build_check(
    owner: type[Any], name: str, stored: TypeEngine[Any], *, listed: bool = False
) -> Mapping[_Sort, Check]:
    """Return the check for one column; with ``listed`` for a list of its values."""
    kind = attribute_python_type(owner, name, stored)
    one = comparison_validator_for(kind, stored, name)
    return {(name, kind, repr(stored), listed): _build_list_check(name, one) if listed else one}


def _build_list_check(name: str, one: Check) -> Check:
    """Return a check of a collection that checks each of its values."""

    def check(values: Any) -> Any:
        if isinstance(values, str | bytes) or not isinstance(values, Collection):
            raise InvalidOperand(
                f"{name} takes a collection of values, not {type(values).__name__}",
                hint="hand in a list, tuple or set",
                fields=(name,),
            )
        return [one(value) for value in values]

    return check
