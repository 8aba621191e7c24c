"""``Slice``: a part of a list by offset and limit, as many APIs ask for it."""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import BaseModel, Field

from colonnade.errors import InvalidPage
from colonnade.pagination.page import check_count, check_limit_or_offset

__all__ = ["Slice", "check_slice"]

T = TypeVar("T")


class Slice(BaseModel, Generic[T]):
    """The items of a longer list after the first ``offset`` ones, ``limit`` of them at most.

    ``total`` is that of the whole list, or None if it was not counted. ``has_more`` is true if
    there are items after these.
    """

    items: list[T]
    offset: int = Field(ge=0)
    limit: int = Field(ge=0)
    total: int | None
    has_more: bool

    @classmethod
    def of(
        cls, items: list[T], *, offset: int, limit: int, total: int | None, has_more: bool
    ) -> Slice[T]:
        """Return a slice of items that are valid already; they are not validated again."""
        return cls.model_construct(
            items=items, offset=offset, limit=limit, total=total, has_more=has_more
        )


def check_slice(offset: int, limit: int, count: str, max_size: int) -> None:
    """Raise ``InvalidPage`` for an offset, a limit or a way to count that no slice has."""
    check_limit_or_offset("offset", offset)
    check_limit_or_offset("limit", limit)
    if limit > max_size:
        raise InvalidPage(
            f"a slice has at most {max_size} items, not {limit}",
            hint="ask for more slices, or give the service another max_page_size",
            fields=("limit",),
        )
    check_limit_or_offset("offset and limit together", offset + limit)
    check_count(count)
