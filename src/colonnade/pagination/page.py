"""``Page``: a part of a list by number and size, and the checks that all sorts of pages share."""

from __future__ import annotations

from typing import Final, Generic, Literal, TypeAlias, TypeVar, get_args

from pydantic import BaseModel, Field

from colonnade.errors import InvalidPage

__all__ = ["CountMode", "Page", "check_count", "check_limit_or_offset", "check_page", "check_size"]

T = TypeVar("T")
#: How the total is found: counted by the database, estimated by it, or not at all.
CountMode: TypeAlias = Literal["exact", "estimated", "none"]
_COUNTS: Final[tuple[str, ...]] = get_args(CountMode)

#: The largest limit or offset that databases take.
_MOST: Final = 2**63 - 1


class Page(BaseModel, Generic[T]):
    """A part of a longer list; pages are numbered from 1.

    ``total`` and ``pages`` are those of the whole list, or None if it was not counted.
    ``has_more`` is true if there is a page after this one.
    """

    items: list[T]
    number: int = Field(ge=1)
    size: int = Field(ge=1)
    total: int | None
    pages: int | None
    has_more: bool

    @classmethod
    def of(
        cls, items: list[T], *, number: int, size: int, total: int | None, has_more: bool
    ) -> Page[T]:
        """Return a page of items that are valid already; they are not validated again."""
        pages = None if total is None else -(-total // size)
        return cls.model_construct(
            items=items, number=number, size=size, total=total, pages=pages, has_more=has_more
        )


def check_page(number: int, size: int, count: str, max_size: int) -> None:
    """Raise ``InvalidPage`` for a number, a size or a way to count that no page has."""
    _check_whole_number("page", number, 1)
    check_size(size, max_size)
    if number * size > _MOST:
        raise InvalidPage("no list is long enough for such a page", fields=("page",))
    check_count(count)


def check_count(count: str) -> None:
    """Raise ``InvalidPage`` unless ``count`` is one of the ways to count."""
    if count not in _COUNTS:
        raise InvalidPage(
            "there is no such way to count",
            hint=f"ways: {', '.join(_COUNTS)}",
            fields=("count",),
        )


def check_size(size: int, max_size: int) -> None:
    """Raise ``InvalidPage`` unless ``size`` is from 1 to ``max_size``."""
    _check_whole_number("size", size, 1)
    if size > max_size:
        raise InvalidPage(
            f"a page has at most {max_size} items, not {size}",
            hint="ask for more pages, or give the service another max_page_size",
            fields=("size",),
        )


def check_limit_or_offset(name: str, value: int) -> int:
    """Return ``value`` as a limit or offset. Raise ``InvalidPage`` unless it is 0 or more."""
    _check_whole_number(name, value, 0)
    return value


def _check_whole_number(name: str, value: int, least: int) -> None:
    """Raise ``InvalidPage`` unless ``value`` is an int of at least ``least`` and not too large."""
    if type(value) is not int:
        given = type(value).__name__
    elif not least <= value <= _MOST:
        # A huge number is not written out: the client may have sent thousands of digits.
        given = str(value) if abs(value) <= _MOST else "one of more than 64 bits"
    else:
        return
    raise InvalidPage(
        f"{name} must be a whole number of at least {least}, not {given}", fields=(name,)
    )
