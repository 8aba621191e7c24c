"""In charge of turning pages: by number, and from one cursor to the next."""

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

__all__ = ["check_numbered", "check_sliced", "numbered", "read_from", "scrolled", "sliced"]

R = TypeVar("R")
_Keys: TypeAlias = tuple[Any, ...]
_Fetch: TypeAlias = Callable[[Spec], Awaitable[list[R]]]
_FetchPlaced: TypeAlias = Callable[[Spec], Awaitable[tuple[list[R], list[_Keys]]]]

#: Rows that share the first key's value, from which on a page looks among them first.
_MANY: Final = 500


def check_numbered(spec: Spec, number: int, size: int, count: CountMode, max_size: int) -> None:
    """Raise ``InvalidPage`` for a page that nobody can turn to, or of a query that has none."""
    check_page(number, size, count, max_size)
    _check_whole(spec)


def check_sliced(spec: Spec, offset: int, limit: int, count: CountMode, max_size: int) -> None:
    """Raise ``InvalidPage`` for a slice that no list has, or of a query that is cut already."""
    check_slice(offset, limit, count, max_size)
    _check_whole(spec)


async def numbered(
    session: Session,
    spec: Spec,
    fetch: _Fetch[R],
    number: int,
    size: int,
    count: CountMode,
    max_size: int,
) -> Page[R]:
    """The page with this number; a second statement counts where it has to."""
    check_numbered(spec, number, size, count, max_size)
    before = (number - 1) * size
    items, total, more = await _part(session, spec, fetch, before, size, count)
    return Page.of(items, number=number, size=size, total=total, has_more=more)


async def sliced(
    session: Session,
    spec: Spec,
    fetch: _Fetch[R],
    offset: int,
    limit: int,
    count: CountMode,
    max_size: int,
) -> Slice[R]:
    """Return the items after the first ``offset`` ones, which are counted as those of a page."""
    check_sliced(spec, offset, limit, count, max_size)
    items, total, more = await _part(session, spec, fetch, offset, limit, count)
    return Slice.of(items, offset=offset, limit=limit, total=total, has_more=more)


async def _part(
    session: Session, spec: Spec, fetch: _Fetch[R], before: int, size: int, count: CountMode
) -> tuple[list[R], int | None, bool]:
    """Return the items from one place on, how many there are of all, and whether others follow."""
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
        # What was seen is no guess: there are as many rows, or fewer than would reach this page.
        total = max(total, seen) if more else min(total, before)
    else:
        total = await reading.count(session, spec)
        more = before + size < total
    return items[:size], total, more


async def scrolled(
    session: Session,
    spec: Spec,
    fetch: _FetchPlaced[R],
    size: int,
    after: str | None,
    before: str | None,
    max_size: int,
) -> CursorPage[R]:
    """The page after one cursor, or before another."""
    check_scroll(size, after, before, max_size)
    _check_whole(spec)
    finite = not capabilities_of(session.family).has_infinity
    places = CursorCodec(spec, session.settings.cursor_secret, finite=finite)
    cursor = after if before is None else before
    start = None if cursor is None else places.place(cursor)
    backwards = before is not None
    items, keys = await read_from(session, spec, fetch, places, start, backwards, size + 1)
    more = len(items) > size
    items, keys = items[:size], keys[:size]
    ties = _ties(start, keys)
    far = places.cursor(Position(keys[-1], ties=ties)) if more else None
    near = None if start is None else places.cursor(_beside(start, keys, ties))
    if backwards:
        return CursorPage.of(items[::-1], next=near, previous=far)
    return CursorPage.of(items, next=far, previous=near)


async def read_from(
    session: Session,
    spec: Spec,
    fetch: _FetchPlaced[R],
    places: CursorCodec,
    start: Position | None,
    backwards: bool,
    rows: int,
) -> tuple[list[R], list[_Keys]]:
    """The rows from a place on, in the order in which they are met."""
    keyset = Keyset(backwards)
    position: _Keys = ()
    if start is not None:
        position = start.keys
        nulls = tuple(key is None for key in position)
        keyset = Keyset(backwards, nulls, start.inclusive)
    items: list[R] = []
    keys: list[_Keys] = []
    greatest = capabilities_of(session.family).nulls_greatest
    ties = start is not None and start.ties >= _MANY
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


def _ties(start: Position | None, keys: list[_Keys]) -> int:
    """How many of the last rows in sequence share the first key's value, as far as was seen."""
    if not keys:
        return 0
    value = keys[-1][0]
    shared = sum(1 for _ in takewhile(lambda key: key[0] == value, reversed(keys)))
    goes_on = start is not None and shared == len(keys) and start.keys[0] == value
    return min(shared + start.ties, _MANY) if start is not None and goes_on else shared


def _beside(start: Position, keys: list[_Keys], ties: int) -> Position:
    """Where to turn back: before the first row met, or at the row that the page came from."""
    if not keys:
        return Position(start.keys, not start.inclusive)
    # How many rows share its value on the other side is not known: as many, for all one knows.
    return Position(keys[0], ties=ties if keys[0][0] == keys[-1][0] else 0)


def _check_whole(spec: Spec) -> None:
    if spec.is_cut:
        raise InvalidPage(
            "a query with a limit or offset has no pages",
            hint="ask for all(), or leave them out",
        )
