"""Read pages of a query: by number, by offset, and from one cursor to the next.

Each function takes a ``fetch`` that runs a spec, so that entities, schemas and JSON share the
logic.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import takewhile
from typing import Any, Final, TypeAlias, TypeVar

from colonnade import reading
from colonnade.capabilities import capabilities_of
from colonnade.errors import InvalidCursor, InvalidPage, InvalidValue
from colonnade.pagination import (
    CountMode,
    CursorPage,
    Page,
    Slice,
    check_page,
    check_scroll,
    check_slice,
)
from colonnade.session import Session
from colonnade.spec import CursorCodec, Keyset, Position, Spec, split_ranges

__all__ = [
    "check_page_query",
    "check_slice_query",
    "read_from_position",
    "read_page",
    "read_scroll",
    "read_slice",
]

R = TypeVar("R")
_Keys: TypeAlias = tuple[Any, ...]
_Fetch: TypeAlias = Callable[[Spec], Awaitable[list[R]]]
_FetchWithKeys: TypeAlias = Callable[[Spec], Awaitable[tuple[list[R], list[_Keys]]]]
#: When so many rows share the first key's value, the next page first reads on among those rows, in
#: a statement of their own.
_MANY_TIES: Final = 500


async def read_page(
    session: Session,
    spec: Spec,
    fetch: _Fetch[R],
    number: int,
    size: int,
    count: CountMode,
    max_size: int,
) -> Page[R]:
    """Return the page with this number; a second statement counts where that is needed."""
    check_page_query(spec, number, size, count, max_size)
    before = (number - 1) * size
    items, total, more = await _read_part(session, spec, fetch, before, size, count)
    return Page.of(items, number=number, size=size, total=total, has_more=more)


async def read_slice(
    session: Session,
    spec: Spec,
    fetch: _Fetch[R],
    offset: int,
    limit: int,
    count: CountMode,
    max_size: int,
) -> Slice[R]:
    """Return the items after the first ``offset`` ones, counted as those of a page are."""
    check_slice_query(spec, offset, limit, count, max_size)
    items, total, more = await _read_part(session, spec, fetch, offset, limit, count)
    return Slice.of(items, offset=offset, limit=limit, total=total, has_more=more)


async def read_scroll(
    session: Session,
    spec: Spec,
    fetch: _FetchWithKeys[R],
    size: int,
    after: str | None,
    before: str | None,
    max_size: int,
) -> CursorPage[R]:
    """Return the page after one cursor, or before another; the first page without either."""
    check_scroll(size, after, before, max_size)
    _check_unbounded(spec)
    finite = not capabilities_of(session.family).has_infinity
    places = CursorCodec(spec, session.settings.cursor_secret, finite=finite)
    cursor = after if before is None else before
    start = None if cursor is None else places.place(cursor)
    backwards = before is not None
    items, keys = await read_from_position(session, spec, fetch, places, start, backwards, size + 1)
    more = len(items) > size
    # The row too many has told that the list goes on; it is the next page's first.
    items, keys = items[:size], keys[:size]
    ties = _count_ties(start, keys)
    far = places.cursor(Position(keys[-1], ties=ties)) if more else None
    near = None if start is None else places.cursor(_position_before(start, keys, ties))
    if backwards:
        return CursorPage.of(items[::-1], next=near, previous=far)
    return CursorPage.of(items, next=far, previous=near)


async def read_from_position(
    session: Session,
    spec: Spec,
    fetch: _FetchWithKeys[R],
    places: CursorCodec,
    start: Position | None,
    backwards: bool,
    rows: int,
) -> tuple[list[R], list[_Keys]]:
    """Return rows from a position on and their keys, in the order in which they are read.

    Runs one statement, and one for each further range of ``split_ranges`` until there are ``rows``
    rows.
    """
    keyset = Keyset(backwards)
    position: _Keys = ()
    if start is not None:
        position = start.keys
        nulls = tuple(key is None for key in position)
        keyset = Keyset(backwards, nulls, start.inclusive)
    items: list[R] = []
    keys: list[_Keys] = []
    greatest = capabilities_of(session.family).nulls_greatest
    ties = start is not None and start.ties >= _MANY_TIES
    for part in split_ranges(places.terms, keyset, nulls_greatest=greatest, ties=ties):
        try:
            found = await fetch(spec.scrolled(part, position, rows))
        except InvalidValue as error:
            if start is None:
                raise
            raise InvalidCursor("the cursor holds what no column here can hold") from error
        items += found[0]
        keys += found[1]
        if len(items) >= rows:
            break
    return items[:rows], keys[:rows]


def check_page_query(spec: Spec, number: int, size: int, count: CountMode, max_size: int) -> None:
    """Raise ``InvalidPage`` for an impossible page, or for a query with a limit or offset."""
    check_page(number, size, count, max_size)
    _check_unbounded(spec)


def check_slice_query(spec: Spec, offset: int, limit: int, count: CountMode, max_size: int) -> None:
    """Raise ``InvalidPage`` for an impossible slice, or for a query with a limit or offset."""
    check_slice(offset, limit, count, max_size)
    _check_unbounded(spec)


async def _read_part(
    session: Session, spec: Spec, fetch: _Fetch[R], before: int, size: int, count: CountMode
) -> tuple[list[R], int | None, bool]:
    """Return the items from an offset on, the total if wanted, and whether others follow."""
    # Without an exact count one more row is read, which tells whether others follow.
    asked = size if count == "exact" else size + 1
    items = await fetch(spec.cut(limit=asked, offset=before))
    seen = before + len(items)
    more = len(items) > size
    total: int | None
    if count == "none":
        total = None
    elif len(items) < asked and (items or not before):
        # The list ends with these.
        total = seen
    elif count == "estimated":
        total = await reading.estimate_count(session, spec)
        # The rows just read correct the estimate: there are at least as many as were seen, and an
        # empty page shows that the list ends before it.
        total = max(total, seen) if more else min(total, before)
    else:
        total = await reading.count_rows(session, spec)
        more = before + size < total
    return items[:size], total, more


def _count_ties(start: Position | None, keys: list[_Keys]) -> int:
    """Count the last rows in sequence that share the first key's value, up to ``_MANY_TIES``.

    The count goes on from page to page, since it is a part of the cursor.
    """
    if not keys:
        return 0
    value = keys[-1][0]
    shared = sum(1 for _ in takewhile(lambda key: key[0] == value, reversed(keys)))
    goes_on = start is not None and shared == len(keys) and start.keys[0] == value
    return min(shared + start.ties, _MANY_TIES) if start is not None and goes_on else shared


def _position_before(start: Position, keys: list[_Keys], ties: int) -> Position:
    """Return the position for the cursor that leads back: before the first row of this page.

    On an empty page it is the row that the page started from.
    """
    if not keys:
        return Position(start.keys, not start.inclusive)
    # The number of ties in the other direction is unknown; assume that there are as many.
    return Position(keys[0], ties=ties if keys[0][0] == keys[-1][0] else 0)


def _check_unbounded(spec: Spec) -> None:
    """Raise ``InvalidPage`` for a query with a limit or offset."""
    if spec.is_cut:
        raise InvalidPage(
            "a query with a limit or offset has no pages",
            hint="ask for all(), or leave them out",
        )
