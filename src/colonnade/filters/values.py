"""Make validators for values of a column, which raise ``InvalidOperand``.

They apply the rules of ``colonnade.values`` and add the name of the lookup or field to the error.
The error names the type of a wrong value and never the value, which may be confidential.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.types import TypeEngine

from colonnade.errors import InvalidOperand
from colonnade.mapping import mapping_of, memoized
from colonnade.values import (
    Rule,
    TooLarge,
    Unfit,
    declared_kind,
    kind_at,
    kind_of,
    rule_of,
    unfit_text,
)

__all__ = [
    "check_of",
    "key_value_of",
    "kind_at",
    "kind_of",
    "misfit",
    "one_of",
    "unfit_text",
]

Check = Callable[[Any], Any]


@memoized
def one_of(owner: type[Any], column: str, name: str) -> Check:
    """Return the validator of values to write into a column; errors call the column ``name``.

    It returns the value as the column stores it. A text in the form of the column's type, such as
    one from a URL, is converted. It raises ``InvalidOperand`` for a value that does not fit.
    """
    mapped = mapping_of(owner).columns[column]
    return _checked(kind_of(owner, mapped), mapped.type, name, writing=True)


@memoized
def key_value_of(owner: type[Any], column: str) -> Check:
    """Return the validator of a key's value: it gives None for an integer too large for any row."""
    mapped = mapping_of(owner).columns[column]
    kind = kind_of(owner, mapped)
    rule: Rule = rule_of(kind, mapped.type, writing=False)
    check = check_of(kind, mapped.type, column)

    def read(value: Any) -> Any:
        try:
            return rule(value)
        except TooLarge:
            return None
        except Unfit:
            return check(value)  # which says what is wrong with it

    return read


def check_of(kind: Any, stored: TypeEngine[Any], name: str) -> Check:
    """Return the validator of values to compare a column of these types with.

    ``kind`` is the Python type of the column's values, ``stored`` its SQL type. Unlike one for
    writing it takes values that are larger than any that the column can store.
    """
    return _checked(kind, stored, name, writing=False)


def _checked(kind: Any, stored: TypeEngine[Any], name: str, *, writing: bool) -> Check:
    """Return the rule of the types, with its ``Unfit`` translated to ``InvalidOperand``."""
    rule: Rule = rule_of(kind, stored, writing=writing)
    declared = declared_kind(kind, stored)

    def check(value: Any) -> Any:
        try:
            return rule(value)
        except Unfit as error:
            raise misfit(name, declared, value, error.reason) from None

    return check


def misfit(name: str, kind: Any, value: Any, hint: str | None) -> InvalidOperand:
    """Return the error for a value of the wrong type or out of range; ``hint`` says which."""
    spelled = kind.__name__ if isinstance(kind, type) else str(kind)
    return InvalidOperand(
        f"{name} takes {spelled}, not this {type(value).__name__}", hint=hint, fields=(name,)
    )
