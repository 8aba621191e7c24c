"""Streams: every row in turn, with at most one batch in memory at a time.

A stream reads through a database cursor where the session has a transaction to keep it open, and on
SQLite, which needs none. In a reader and on MySQL each batch is a statement of its own, which
starts after the last row of the batch before.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, Final, Generic, Protocol, Self, TypeVar

from colonnade.engine import allow_repeats
from colonnade.errors import InvalidOperand, SessionShared, StreamClosed
from colonnade.query.pages import read_from_position
from colonnade.scope import Bindings
from colonnade.session import Session, reading_under
from colonnade.spec import CursorCodec, Keyset, Position, Spec

__all__ = [
    "DEFAULT_BATCH",
    "BatchSource",
    "JsonBatches",
    "KeysetBatches",
    "Stream",
    "check_batch_size",
]

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

#: The number of rows in a batch, unless the caller gives another.
DEFAULT_BATCH: Final = 1000


class BatchSource(Protocol[R_co]):
    """A source of a stream's items, batch by batch."""

    async def next(self) -> Sequence[R_co]:
        """Return the next items; none at the end, after which it is not called again."""
        ...

    async def close(self) -> None:
        """Release what the source holds; no more items will be asked for."""
        ...


class Stream(Generic[R]):
    """The items of a query, one after the other: ``async for hero in query.stream(): …``.

    A stream is read once, and the loop may be left at any time; ``async with query.stream() as
    heroes`` closes it with its block. The session may be used meanwhile, but not by another task.
    Scopes are those that held when the first item was read, whatever the session is bound to
    afterwards.

    Raises ``StreamClosed`` once the transaction that it reads in has ended, and when it is over.
    """

    def __init__(self, session: Session, source: BatchSource[R]) -> None:
        self._session = session
        self._source: BatchSource[R] | None = source
        self._items: Iterator[R] = iter(())
        self._transaction: Any = None
        self._scope: Bindings | None = None
        self._reading = False

    def __aiter__(self) -> Self:
        if self._source is None:
            raise StreamClosed(
                "a stream is read once, and this one is over", hint="ask for another: stream()"
            )
        return self

    async def __anext__(self) -> R:
        # Checked at each item and not only at each batch, so that a test with few rows notices it.
        self._check_transaction()
        for item in self._items:
            return item
        for item in await self._read_batch():
            return item
        await self.aclose()
        raise StopAsyncIteration

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop reading and release the source. Closing twice does no harm."""
        self._items = iter(())
        source, self._source = self._source, None
        if source is not None:
            await source.close()

    async def _read_batch(self) -> Iterator[R]:
        """Read the next batch under the scopes of the first, and return an iterator over it."""
        source = self._source
        if source is None:
            return iter(())
        if self._reading:
            raise SessionShared(
                "two tasks read one stream at the same time",
                hint="let one task read, and hand what it reads to the others",
            )
        self._reading = True
        if self._scope is None:
            self._scope = self._session.scope
        try:
            async with reading_under(self._session, self._scope):
                batch = await source.next()
        except BaseException:
            # After an error or a cancellation the cursor's place is unknown: stop here.
            self._source = None
            raise
        finally:
            self._reading = False
        self._transaction = self._current_transaction()
        self._items = iter(batch)
        return self._items

    def _check_transaction(self) -> None:
        """Raise ``StreamClosed`` if the transaction that the stream reads in has ended."""
        begun = self._transaction
        if self._source is None or begun is None or self._current_transaction() is begun:
            return
        self._items = iter(())
        if not self._session.closed:
            self._source = None
            raise StreamClosed(
                "the transaction that the stream read in has ended",
                hint="commit after the loop, or give the stream a session of its own",
            )

    def _current_transaction(self) -> Any:
        return self._session.sync_session.get_transaction()


class KeysetBatches(Generic[R]):
    """Batches that are a statement each: every one starts after the last row before it.

    ``fetch`` returns the items for a spec and, for each item, the values of its sort keys.
    """

    def __init__(
        self,
        session: Session,
        spec: Spec,
        fetch: Callable[[Spec], Awaitable[tuple[list[R], list[tuple[Any, ...]]]]],
        size: int,
    ) -> None:
        self._session = session
        self._spec = spec
        self._fetch = fetch
        self._size = size
        self._left = spec.limit
        self._start: Position | None = None

    async def next(self) -> list[R]:
        """Return the next items; none at the end. Runs one statement, seldom two or three."""
        rows = self._size if self._left is None else min(self._size, self._left)
        if not rows:
            return []
        spec = self._spec
        if self._start is None and spec.offset is not None:
            # An offset counts rows of the whole list, so that the first batch is not split into
            # ranges (values, then NULLs), each of which would skip rows of its own.
            items, keys = await self._fetch(spec.scrolled(Keyset(), (), rows))
        else:
            places = CursorCodec(spec, None)
            with allow_repeats():
                items, keys = await read_from_position(
                    self._session, spec.uncut(), self._fetch, places, self._start, False, rows
                )
        if len(items) < rows:
            self._left = 0
        else:
            self._start = Position(keys[-1])
            self._left = None if self._left is None else self._left - rows
        return items

    async def close(self) -> None:
        """Do nothing: nothing is open between two statements."""


class JsonBatches(Generic[R]):
    """Another source's batches as parts of one JSON array; ``write`` makes an array of each."""

    def __init__(self, source: BatchSource[R], write: Callable[[Sequence[R]], bytes]) -> None:
        self._source = source
        self._write = write
        self._before = b"["
        self._over = False

    async def next(self) -> list[bytes]:
        """Return the next part of the array's text; none after its end."""
        if self._over:
            return []
        items = await self._source.next()
        if not items:
            self._over = True
            return [b"[]" if self._before == b"[" else b"]"]
        text = self._before + self._write(items)[1:-1]
        self._before = b","
        return [text]

    async def close(self) -> None:
        """Close the source of the items."""
        await self._source.close()


def check_batch_size(size: int) -> int:
    """Return ``size``. Raises ``InvalidOperand`` unless it is a whole number of at least 1."""
    if type(size) is not int or size < 1:
        raise InvalidOperand("batch must be a whole number of at least 1")
    return size
