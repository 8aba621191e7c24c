"""Hold a session's values for scopes, and the names of the scopes that it lifts.

``Bindings`` are immutable: ``binding``, ``lifting`` and ``over`` return new ones. A ``Part`` is
what one block of a session (``scoped``, ``unscoped``) adds to them. Values are checked when they
are bound, and converted to the type of the columns that they are compared with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, Self
from uuid import UUID

from colonnade.errors import InvalidOperand, ScopeUnbound, UsageError
from colonnade.filters import given_names
from colonnade.mapping import did_you_mean
from colonnade.scope.declared import Scope
from colonnade.scope.rules import (
    Rules,
    declaration_count,
    names_with_value,
    scope_names,
    subjects_named,
)
from colonnade.scope.subjects import Subject, fit_value, subject_of

__all__ = ["UNSCOPED", "Bindings", "ScopePart"]

_MISSING: Final = object()

#: Types of which equal values are interchangeable, so that the checked value can be cached.
_PLAIN: Final = frozenset({int, str, UUID})
#: How many checked values are cached.
_REMEMBERED: Final = 4096

#: The execution option that lifts all scopes, for a statement that reads back what was written.
UNSCOPED: Final = "colonnade_unscoped"


@dataclass(frozen=True, slots=True, eq=False)
class ScopePart:
    """The values that one part of a unit of work binds, and the scopes that it lifts.

    Compared by identity, so that the end of a part takes away that part and not its equal.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    lifted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Bindings:
    """Values by the names of their scopes, and the names of the scopes that are lifted.

    The values for the ``Given`` of schemas are among them.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    lifted: frozenset[str] = frozenset()
    #: The values converted for the columns of each model, computed on demand.
    _fitted: dict[Subject, Any] = field(default_factory=dict, compare=False, repr=False)

    def binding(self, values: Mapping[str, Any] | None) -> Self:
        """Return bindings with these values too; a scope among them that was lifted holds again.

        A name that no scope has may be that of a ``Given``, which takes None too. Raises
        ``UsageError`` for any other name, and for None, which is no value of a scope, and
        ``InvalidOperand`` for a value that no column of the scope takes.
        """
        if not values:
            return self
        fitting: dict[str, Any] = {}
        for name, value in values.items():
            if name not in names_with_value():
                if name not in given_names():
                    raise _unknown_scope_error(name, scope_names() | given_names())
                # No scope's column can check it; the condition of the schema does so later.
                fitting[name] = value
                continue
            if value is None:
                raise UsageError(
                    f"None is no value for the scope {name!r}",
                    hint=f"leave it out, or lift it: session.unscoped({name!r})",
                )
            if type(value) in _PLAIN:
                fitting[name] = _convert_cached(name, value, declaration_count())
            else:
                fitting[name] = _convert_value(name, value)
        return type(self)({**self.values, **fitting}, self.lifted.difference(values))

    def lifting(self, lifted: Iterable[str]) -> Self:
        """Return bindings that lift these scopes. Raises ``UsageError`` for an unknown name."""
        found = frozenset(lifted)
        for name in found - scope_names():
            raise _unknown_scope_error(name, scope_names())
        return type(self)(self.values, self.lifted | found)

    def bound_part(self, values: Mapping[str, Any]) -> ScopePart:
        """Return a part that binds these values. Raises what ``binding`` raises."""
        bound = self.binding(values)
        return ScopePart({name: bound.values[name] for name in values})

    def lifted_part(self, names: Iterable[str]) -> ScopePart:
        """Return a part that lifts these scopes. Raises what ``lifting`` raises."""
        names = tuple(names)
        self.lifting(names)
        return ScopePart(lifted=frozenset(names))

    def over(self, part: ScopePart) -> Self:
        """Return bindings with the values and the lifted scopes of one part of a unit."""
        return type(self)(
            {**self.values, **part.values}, self.lifted.difference(part.values) | part.lifted
        )

    def lifting_all(self) -> Self:
        """Return bindings that lift every scope."""
        return type(self)(self.values, scope_names())

    @property
    def complete(self) -> bool:
        """True if every scope that takes a value has one, or is lifted."""
        return names_with_value() <= self.lifted | self.values.keys()

    def active(self, rules: Rules | None) -> tuple[Scope, ...]:
        """Return the scopes of a table that are not lifted."""
        if rules is None:
            return ()
        return tuple(scope for scope in rules.scopes if scope.name not in self.lifted)

    def require(self, rules: Rules | None) -> None:
        """Raise ``ScopeUnbound`` for a scope of the table that needs a value and has none."""
        for scope in self.active(rules):
            if scope.takes_value and scope.name not in self.values:
                raise self.unbound(scope.name, None if rules is None else str(rules))

    def value(self, subject: Subject) -> Any:
        """Return the session's value for a scope, converted for the model's columns.

        Raises ``ScopeUnbound`` without one, and ``InvalidOperand`` if these columns do not take it.
        """
        found = self._fitted.get(subject, _MISSING)
        if found is _MISSING:
            name = subject.scope.name
            if name not in self.values:
                raise self.unbound(name, subject.model.__name__)
            found, _ = fit_value(subject, self.values[name])
            self._fitted[subject] = found
        return found

    def value_of(self, scope: Scope, model: type[Any]) -> Any:
        """Return the value for a service's own scope; None if the scope takes no value."""
        return self.value(subject_of(model, scope)) if scope.takes_value else None

    def unbound(self, name: str, model: str | None = None) -> ScopeUnbound:
        """Return the error for a scope that has no value in these bindings."""
        owner = f"{model} is read and written" if model else "this is read and written"
        return ScopeUnbound(
            f"{owner} in the scope {name!r}, for which the session has no value",
            hint=f"db.session(scope={{{name!r}: …}}), or ask for every row by name: "
            f"async with session.unscoped({name!r})",
            model=model,
        )


@lru_cache(maxsize=_REMEMBERED, typed=True)
def _convert_cached(name: str, value: Any, _declared: int) -> Any:
    """Return what ``_convert_value`` returns, cached: a tenant's requests bind the same value.

    ``_declared`` counts the declarations, so that a new scope makes old entries unused.
    """
    return _convert_value(name, value)


def _convert_value(name: str, value: Any) -> Any:
    """Return the value converted for the columns of the scopes of this name.

    Where the columns of several models would convert it differently it is returned as it is, and
    ``value`` converts it for each. Raises ``InvalidOperand`` if no column takes it.
    """
    found: list[Any] = []
    refusal: InvalidOperand | None = None
    for subject in subjects_named(name):
        try:
            fitted, checked = fit_value(subject, value)
        except InvalidOperand as error:
            refusal = refusal or error
        else:
            found += [fitted] if checked else []
    if refusal is not None:
        if not found:
            raise refusal
        # The models that do not take it raise when a statement names them, in ``value``.
        return value
    same = all(type(item) is type(found[0]) and item == found[0] for item in found)
    return found[0] if found and same else value


def _unknown_scope_error(name: str, known: frozenset[str]) -> UsageError:
    """Return the error for a name that no scope has, or whose scope takes no value."""
    if name in scope_names():
        return UsageError(f"the scope {name!r} takes no value: it holds by itself")
    return UsageError(
        f"no model has a scope {name!r}", hint=did_you_mean(name, known, "the models together")
    )
