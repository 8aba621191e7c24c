"""``CursorPage``: a part of a list that begins after a cursor, or ends before one."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from colonnade.errors import InvalidPage
from colonnade.pagination.page import check_size

__all__ = ["CursorPage", "check_scroll"]

T = TypeVar("T")


class CursorPage(BaseModel, Generic[T]):
    """A part of a longer list, and cursors for the parts before and after it.

    ``next`` continues after the last item, and is None at the end of the list. ``previous`` goes
    back before the first item, and is None at the beginning.
    """

    items: list[T]
    next: str | None
    previous: str | None

    @classmethod
    def of(cls, items: list[T], *, next: str | None, previous: str | None) -> CursorPage[T]:  # noqa: A002 # the field's name
        """Return a page of items that are valid already; they are not validated again."""
        return cls.model_construct(items=items, next=next, previous=previous)


def check_scroll(size: int, after: Any, before: Any, max_size: int) -> None:
    """Raise ``InvalidPage`` for a size out of range, or for two cursors at once."""
    check_size(size, max_size)
    if after is not None and before is not None:
        raise InvalidPage(
            "a page goes after one cursor or before one, not both",
            hint="next belongs in after, previous in before",
            fields=("after", "before"),
        )
