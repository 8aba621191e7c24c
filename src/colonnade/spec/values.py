"""In charge of values: by which names the leaves of a statement's conditions bind them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count, islice
from typing import Any, Final

from colonnade.filters import Pair
from colonnade.mapping import memoized

__all__ = ["bound", "names"]

#: Values of most statements, and no more.
_FEW: Final = 32


def names(prefix: str) -> Iterator[str]:
    """The names of the values in the order of the leaves: ``v0``, ``v1``, …."""
    return (f"{prefix}{number}" for number in count())


@memoized
def _first(prefix: str) -> tuple[str, ...]:
    return tuple(islice(names(prefix), _FEW))


def bound(prefix: str, values: Iterable[Any]) -> dict[str, Any]:
    """The values by these names; a pair by two."""
    values = tuple(values)
    if len(values) <= _FEW and Pair not in map(type, values):
        return dict(zip(_first(prefix), values, strict=False))
    found: dict[str, Any] = {}
    for name, value in zip(names(prefix), values, strict=False):
        if type(value) is Pair:
            found[f"{name}_low"], found[f"{name}_high"] = value
        else:
            found[name] = value
    return found
