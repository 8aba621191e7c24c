"""Recognize the listener by which ``sqlalchemy.ext.mutable`` tracks edits inside of a value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.ext.mutable import Mutable

__all__ = ["tracks_edits"]


def tracks_edits(listener: Callable[..., Any]) -> bool:
    """Return whether a listener for ``set`` is the one of ``sqlalchemy.ext.mutable``.

    SQLAlchemy wraps a listener in another function, and has no public way to unwrap it.
    """
    cells = getattr(listener, "__closure__", None) or ()
    held = (cell.cell_contents for cell in cells)
    return any(getattr(item, "__module__", None) == Mutable.__module__ for item in held)
