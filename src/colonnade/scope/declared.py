"""Declare scopes: criteria in a model's ``__scopes__`` that hold wherever the model occurs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import BindParameter, ColumnElement, bindparam

from colonnade.errors import InvalidMapping
from colonnade.sql.comparison import comparison_type

__all__ = ["Condition", "Scope"]

Condition: TypeAlias = Callable[..., ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Scope:
    """A criterion that every statement of a session obeys wherever the model occurs.

    ::

        class Hero(SQLModel, table=True):
            __scopes__ = (
                Scope("tenant", column="tenant_id"),
                Scope("deleted", lambda hero: hero.deleted_at.is_(None)),
                Scope("reader", lambda hero, user: or_(hero.public, hero.owner_id == user)),
            )

    With ``column`` a session sees only rows that have its value in that column. Rows that it writes
    get the value, and may have no other. With ``where`` it sees only rows for which the condition
    holds. ``where`` is a function of the model (or of an alias of it) and, if it takes a second
    argument, of the session's value. It is called when a statement is compiled and not when it
    runs, so write ``func.now()`` for the time of day. Texts are compared letter by letter in both.
    Scopes of the same name in several models share the session's value.
    """

    name: str
    where: Condition | None = None
    column: str | None = None

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise InvalidMapping(f"a scope is named by an identifier, not {self.name!r}")
        if (self.where is None) is (self.column is None):
            raise InvalidMapping(
                f"scope {self.name!r} takes a condition or a column",
                hint=f'Scope("{self.name}", column="…"), or Scope("{self.name}", lambda row: …)',
            )
        if self.where is not None and _count_arguments(self.where) not in (1, 2):
            raise InvalidMapping(
                f"the condition of scope {self.name!r} takes the model, and the session's value "
                "if it needs one"
            )

    @property
    def takes_value(self) -> bool:
        """True if a session must have a value for this scope."""
        return self.where is None or _count_arguments(self.where) == 2

    def bound(self, entity: Any, name: str) -> BindParameter[Any]:
        """Return the parameter that stands for the session's value in ``criterion``."""
        if self.column is None:
            return bindparam(name, required=True)
        kind = comparison_type(getattr(entity, self.column).type)
        return bindparam(name, type_=kind, required=True)

    def criterion(self, entity: Any, value: Any) -> Any:
        """Return the condition for the model or an alias of it; ``value`` is the session's.

        The compiler, and not the condition itself, has texts compared letter by letter.
        """
        if self.where is not None:
            return self.where(entity, value) if self.takes_value else self.where(entity)
        assert self.column is not None
        return getattr(entity, self.column) == value


def _count_arguments(condition: Condition) -> int:
    """Count the positional parameters without a default."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(condition).parameters.values()
    return sum(item.kind in kinds and item.default is item.empty for item in parameters)
