"""In charge of the values of one column in many rows: checked together, by type.

Values of just the column's type, which is nearly all of them, need no look one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from types import NoneType
from typing import Any, Final, TypeAlias

from colonnade.filters.values import kind_of, one_of, unfit_text
from colonnade.mapping import mapping_of, memoized

__all__ = ["CheckAll", "all_of_column"]

CheckAll: TypeAlias = Callable[[Sequence[Any]], Sequence[Any]]

_LEAST: Final = -(2**63)
_MOST: Final = 2**63 - 1


@memoized
def all_of_column(owner: type[Any], column: str) -> CheckAll:
    """Return what turns values into what the column holds, as ``one_of`` does with each.

    None stays None. Where no value has to change, the function returns the sequence that it was
    given. It raises ``InvalidOperand`` for the first value that does not fit.
    """
    kind = kind_of(owner, mapping_of(owner).columns[column])
    check = one_of(owner, column, column)
    fits = _test_of(kind)

    def check_all(values: Sequence[Any]) -> Sequence[Any]:
        kinds = set(map(type, values))
        if kinds <= {kind, NoneType}:
            plain = values if NoneType not in kinds else [v for v in values if v is not None]
            if not plain or fits(plain):
                return values
        return [None if value is None else check(value) for value in values]

    return check_all


def _test_of(kind: Any) -> Callable[[Sequence[Any]], bool]:
    """Return what says of values of the exact type ``kind`` that all of them surely fit."""
    if not isinstance(kind, type):
        return _never
    if kind is int:
        return _integers_fit
    if kind is str:
        return _texts_fit
    if issubclass(kind, str):
        # The members of an enum are known; any other class of texts may hold anything.
        members = list(kind) if issubclass(kind, Enum) else ["\0"]
        return _never if any(map(unfit_text, members)) else _always
    return _always


def _integers_fit(values: Sequence[int]) -> bool:
    return min(values) >= _LEAST and max(values) <= _MOST


def _texts_fit(values: Sequence[str]) -> bool:
    return all(map(str.isascii, values)) and not any("\0" in value for value in values)


def _always(_values: Sequence[Any]) -> bool:
    return True


def _never(_values: Sequence[Any]) -> bool:
    return False
