"""In charge of trees as users write them: any, all, none of some conditions, some or every child.

A tree is a frozen value that knows no model; ``conditions`` gives it its meaning in a query.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from sqlalchemy import ColumnElement

from colonnade.errors import InvalidOperand

__all__ = ["Condition", "Tree", "all_of", "any_of", "every", "not_", "some"]


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """Conditions put together; ``path`` leads to the children that ``some`` and ``every`` mean."""

    kind: Literal["any_of", "all_of", "not_", "some", "every"]
    conditions: tuple[Any, ...]
    lookups: Mapping[str, Any]
    path: str | None = None


#: What ``where`` takes by position; a bool is there for type checkers, and refused at run time.
Condition: TypeAlias = ColumnElement[bool] | Mapping[str, Any] | Tree | bool


def any_of(*conditions: Condition, **lookups: Any) -> Tree:
    """Rows for which at least one condition holds; of no conditions, none does.

    Each lookup is a condition of its own; the lookups of a mapping must hold together.
    """
    return Tree("any_of", conditions, MappingProxyType(lookups))


def all_of(*conditions: Condition, **lookups: Any) -> Tree:
    """Rows for which every condition holds; of no conditions, all do."""
    return Tree("all_of", conditions, MappingProxyType(lookups))


def not_(*conditions: Condition, **lookups: Any) -> Tree:
    """Rows for which the conditions together are false.

    As SQL has it, what compares a NULL is neither true nor false, and its negation is not true
    either; ``not_(some(…))`` and ``not_(every(…))`` are always one or the other.
    """
    if not conditions and not lookups:
        raise InvalidOperand(
            "not_() takes at least one condition", hint='such as not_(name="Deadpond")'
        )
    return Tree("not_", conditions, MappingProxyType(lookups))


def some(path: Any, /, *conditions: Condition, **lookups: Any) -> Tree:
    """Rows with at least one child, at the end of ``path``, for which all of this holds.

    ``path`` names a relation to many objects, such as ``"missions"`` or ``"team.heroes"``. Without
    conditions, rows that have a child at all.
    """
    return Tree("some", conditions, MappingProxyType(lookups), _name("some", path))


def every(path: Any, /, *conditions: Condition, **lookups: Any) -> Tree:
    """Rows without a child, at the end of ``path``, for which this does not hold.

    Those that have no child at all are among them; add ``some(path)`` to leave them out. A
    condition that a NULL leaves unknown does not hold.
    """
    if not conditions and not lookups:
        raise InvalidOperand(
            "every() takes at least one condition", hint="some(path) asks for rows with a child"
        )
    return Tree("every", conditions, MappingProxyType(lookups), _name("every", path))


def _name(kind: str, path: Any) -> str:
    name = path if isinstance(path, str) else getattr(path, "key", None)
    if not isinstance(name, str):
        raise InvalidOperand(
            f"{kind} takes a relation's name or mapped attribute first, not {type(path).__name__}",
            hint=f'such as {kind}("missions", done=True)',
        )
    return name
