"""In charge of a session's values for scopes, and of those that it lifts; frozen values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from colonnade.errors import ScopeUnbound, UsageError
from colonnade.mapping import did_you_mean
from colonnade.scope.declared import Scope
from colonnade.scope.rules import Rules, names, value_names

__all__ = ["UNSCOPED", "Bindings"]

#: The execution option of a statement that reads back what was just written: no scope holds.
UNSCOPED: Final = "colonnade_unscoped"


@dataclass(frozen=True, slots=True)
class Bindings:
    """Values by the name of their scope, and the names of scopes that do not hold for now."""

    values: Mapping[str, Any] = field(default_factory=dict)
    lifted: frozenset[str] = frozenset()

    def binding(self, values: Mapping[str, Any] | None) -> Self:
        """With these values too; a scope that was lifted holds again.

        Raises ``UsageError`` for a name that no scope has, and for None, which is no value.
        """
        if not values:
            return self
        for name, value in values.items():
            if name not in value_names():
                raise _unknown(name)
            if value is None:
                raise UsageError(
                    f"None is no value for the scope {name!r}",
                    hint=f"leave it out, or lift it: session.unscoped({name!r})",
                )
        return type(self)({**self.values, **values}, self.lifted.difference(values))

    def lifting(self, lifted: Iterable[str]) -> Self:
        """Without the scopes of these names. Raises ``UsageError`` for a name that none has."""
        found = frozenset(lifted)
        for name in found - names():
            raise _unknown(name)
        return type(self)(self.values, self.lifted | found)

    def lifting_all(self) -> Self:
        """Without any scope."""
        return type(self)(self.values, names())

    @property
    def complete(self) -> bool:
        """Whether every scope that takes a value has one, or is lifted."""
        return value_names() <= self.lifted | self.values.keys()

    def active(self, rules: Rules | None) -> tuple[Scope, ...]:
        """Those of the scopes that hold."""
        if rules is None:
            return ()
        return tuple(scope for scope in rules.scopes if scope.name not in self.lifted)

    def require(self, rules: Rules | None) -> None:
        """Raise ``ScopeUnbound`` for a scope that holds and has no value."""
        for scope in self.active(rules):
            if scope.takes_value and scope.name not in self.values:
                raise self.unbound(scope.name, None if rules is None else str(rules))

    def value_of(self, scope: Scope, model: type[Any]) -> Any:
        """The session's value, or None for a scope that takes none. Raises ``ScopeUnbound``."""
        if scope.takes_value and scope.name not in self.values:
            raise self.unbound(scope.name, model.__name__)
        return self.values.get(scope.name)

    def unbound(self, name: str, model: str | None = None) -> ScopeUnbound:
        """The error for a scope that has no value."""
        owner = f"{model} is read and written" if model else "this is read and written"
        return ScopeUnbound(
            f"{owner} in the scope {name!r}, for which the session has no value",
            hint=f"db.session(scope={{{name!r}: …}}), or ask for every row by name: "
            f"async with session.unscoped({name!r})",
            model=model,
        )


def _unknown(name: str) -> UsageError:
    if name in names():
        return UsageError(f"the scope {name!r} takes no value: it holds by itself")
    return UsageError(
        f"no model has a scope {name!r}", hint=did_you_mean(name, names(), "the models together")
    )
