"""In charge of operands' values: what the rules of ``colonnade.values`` say, as errors of a lookup.

A value that does not fit is told by its type and never by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.types import TypeEngine

from colonnade.errors import InvalidOperand
from colonnade.mapping import mapping_of, memoized
from colonnade.values import Rule, Unfit, declared_kind, kind_at, kind_of, rule_of, unfit_text

__all__ = ["check_of", "compared_of", "kind_at", "kind_of", "misfit", "one_of", "unfit_text"]

Check = Callable[[Any], Any]


@memoized
def one_of(owner: type[Any], column: str, name: str) -> Check:
    """Return what turns one value into what the column stores; errors speak of it as ``name``.

    A text that reads as the column's type is taken for it, as it comes from a URL. What does not
    fit raises ``InvalidOperand``, which names the type and not the value.
    """
    mapped = mapping_of(owner).columns[column]
    return _checked(kind_of(owner, mapped), mapped.type, name, writing=True)


@memoized
def compared_of(owner: type[Any], column: str, name: str) -> Check:
    """Return the same for a value that the column is compared with."""
    mapped = mapping_of(owner).columns[column]
    return check_of(kind_of(owner, mapped), mapped.type, name)


def check_of(kind: Any, stored: TypeEngine[Any], name: str) -> Check:
    """Return the same for a column whose values are ``kind`` in Python and ``stored`` in SQL."""
    return _checked(kind, stored, name, writing=False)


def _checked(kind: Any, stored: TypeEngine[Any], name: str, *, writing: bool) -> Check:
    rule: Rule = rule_of(kind, stored, writing=writing)
    declared = declared_kind(kind, stored)

    def check(value: Any) -> Any:
        try:
            return rule(value)
        except Unfit as error:
            raise misfit(name, declared, value, error.reason) from None

    return check


def misfit(name: str, kind: Any, value: Any, hint: str | None) -> InvalidOperand:
    """Return the error for a value of the wrong type, or out of its range."""
    spelled = kind.__name__ if isinstance(kind, type) else str(kind)
    return InvalidOperand(
        f"{name} takes {spelled}, not this {type(value).__name__}", hint=hint, fields=(name,)
    )
