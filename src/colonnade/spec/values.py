"""In charge of values: by which names the leaves of a statement's conditions bind them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count, islice
from typing import Any, Final

from colonnade.filters import Pair
from colonnade.mapping import mapping_of, memoized

__all__ = ["bound", "names", "unused_prefix"]

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


@memoized
def unused_prefix(model: type[Any], prefix: str) -> str:
    """Return the prefix, with as many ``_`` before it as no column of the model begins with.

    In an UPDATE the values of SET are bound by the names of their columns, so that a value of
    another name must not pass for one.
    """
    while any(name.startswith(prefix) for name in mapping_of(model).table.c.keys()):  # noqa: SIM118 # a collection of columns
        prefix = f"_{prefix}"
    return prefix
