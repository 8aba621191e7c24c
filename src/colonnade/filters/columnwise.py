"""Validate the values of one column in many rows at once, for bulk writes.

Nearly always all values have exactly the column's type. A few set operations on the whole list
then replace a call of the validator for each value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import NoneType
from typing import Any, TypeAlias

from colonnade.filters.values import kind_of, one_of
from colonnade.mapping import mapping_of, memoized
from colonnade.values import glance_of

__all__ = ["CheckAll", "all_of_column"]

CheckAll: TypeAlias = Callable[[Sequence[Any]], Sequence[Any]]


@memoized
def all_of_column(owner: type[Any], column: str) -> CheckAll:
    """Return a function that validates a list of values for the column, as ``one_of`` does one.

    None stays None. If no value has to change, the function returns the sequence that it got. It
    raises ``InvalidOperand`` for the first value that does not fit.
    """
    mapped = mapping_of(owner).columns[column]
    check = one_of(owner, column, column)
    glance = glance_of(kind_of(owner, mapped), mapped.type)

    def check_all(values: Sequence[Any]) -> Sequence[Any]:
        if glance is not None:
            exact_type, all_fit = glance
            # Exact types: a bool is an int to isinstance, and a subclass may behave differently.
            types = set(map(type, values))
            if types <= {exact_type, NoneType}:
                given = values if NoneType not in types else [v for v in values if v is not None]
                if not given or all_fit(given):
                    return values
        return [None if value is None else check(value) for value in values]

    return check_all
