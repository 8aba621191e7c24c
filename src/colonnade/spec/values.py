"""In charge of values: by which names the leaves of a statement's conditions bind them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any

from colonnade.filters import Pair

__all__ = ["bound", "names"]


def names(prefix: str) -> Iterator[str]:
    """The names of the values in the order of the leaves: ``v0``, ``v1``, …."""
    return (f"{prefix}{number}" for number in count())


def bound(prefix: str, values: Iterable[Any]) -> dict[str, Any]:
    """The values by these names; a pair by two."""
    found: dict[str, Any] = {}
    for name, value in zip(names(prefix), values, strict=False):
        if type(value) is Pair:
            found[f"{name}_low"], found[f"{name}_high"] = value
        else:
            found[name] = value
    return found
