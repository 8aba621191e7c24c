"""Combine conditions: ``any_of``, ``all_of``, ``not_``, ``some`` and ``every``.

What they return is a frozen value that knows no model and is not checked: the same one may be used
in several queries. ``where`` parses it for the model of its query.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from sqlalchemy import ColumnElement

from colonnade.errors import InvalidOperand

__all__ = ["Condition", "ConditionTree", "all_of", "any_of", "every", "not_", "some"]


@dataclass(frozen=True, slots=True, eq=False)
class ConditionTree:
    """Combined conditions and lookups, not parsed yet.

    ``path`` names the collection that ``some`` and ``every`` are about.
    """

    kind: Literal["any_of", "all_of", "not_", "some", "every"]
    conditions: tuple[Any, ...]
    lookups: Mapping[str, Any]
    path: str | None = None


#: What ``where`` takes by position. For a type checker ``Hero.age > 3`` is a bool, so bool must be
#: in it; a real one is refused at run time.
Condition: TypeAlias = ColumnElement[bool] | Mapping[str, Any] | ConditionTree | bool


def any_of(*conditions: Condition, **lookups: Any) -> ConditionTree:
    """Match rows for which at least one condition holds; without conditions, no row.

    Each lookup is a condition of its own. The lookups of a mapping must all hold.
    """
    return ConditionTree("any_of", conditions, MappingProxyType(lookups))


def all_of(*conditions: Condition, **lookups: Any) -> ConditionTree:
    """Match rows for which every condition holds; without conditions, every row."""
    return ConditionTree("all_of", conditions, MappingProxyType(lookups))


def not_(*conditions: Condition, **lookups: Any) -> ConditionTree:
    """Match rows for which the conditions, joined by AND, are false.

    As always in SQL, a comparison with NULL is neither true nor false, and neither is its
    negation: such a row does not match. ``not_(some(…))`` and ``not_(every(…))`` are never NULL.
    Raise ``InvalidOperand`` without conditions.
    """
    if not conditions and not lookups:
        raise InvalidOperand(
            "not_() takes at least one condition", hint='such as not_(name="Deadpond")'
        )
    return ConditionTree("not_", conditions, MappingProxyType(lookups))


def some(path: Any, /, *conditions: Condition, **lookups: Any) -> ConditionTree:
    """Match rows with at least one object in a collection for which all conditions hold.

    ``path`` names the collection, such as ``"missions"`` or ``"team.heroes"``. One and the same
    object must meet all conditions. Without conditions, match rows that have any object there.
    """
    return ConditionTree(
        "some", conditions, MappingProxyType(lookups), _relation_name("some", path)
    )


def every(path: Any, /, *conditions: Condition, **lookups: Any) -> ConditionTree:
    """Match rows for which all conditions hold for every object in a collection.

    ``path`` names the collection. A row with an empty collection matches too; add ``some(path)``
    to leave it out. A condition that is NULL for an object does not hold for it. Raise
    ``InvalidOperand`` without conditions.
    """
    if not conditions and not lookups:
        raise InvalidOperand(
            "every() takes at least one condition", hint="some(path) asks for rows with a child"
        )
    return ConditionTree(
        "every", conditions, MappingProxyType(lookups), _relation_name("every", path)
    )


def _relation_name(kind: str, path: Any) -> str:
    """Return the name of a relation that is given by name or as a mapped attribute."""
    name = path if isinstance(path, str) else getattr(path, "key", None)
    if not isinstance(name, str):
        raise InvalidOperand(
            f"{kind} takes a relation's name or mapped attribute first, not {type(path).__name__}",
            hint=f'such as {kind}("missions", done=True)',
        )
    return name
