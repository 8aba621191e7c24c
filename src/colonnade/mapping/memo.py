"""Remembering what was found out about a model."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import ParamSpec, TypeVar

__all__ = ["memoized"]

P = ParamSpec("P")
R = TypeVar("R")

# More than an application asks; bounded, since a name may come from a request.
_REMEMBERED = 4096


def memoized(function: Callable[P, R]) -> Callable[P, R]:
    """``function``, remembering its last answers; errors are not remembered."""
    remembering: Callable[P, R] = lru_cache(maxsize=_REMEMBERED)(function)  # type: ignore[assignment]
    return remembering
