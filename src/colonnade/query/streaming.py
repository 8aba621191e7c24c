"""In charge of streams: every row in turn, of which no more than a batch is held at a time.

Through a cursor of the database's where the session has a transaction for it to live in, and on
SQLite, which needs none. Elsewhere, in a reader and on MySQL, each batch is a statement that begins
where the one before it ended.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, Final, Generic, Protocol, Self, TypeVar

from colonnade.engine import allow_repeats
from colonnade.errors import InvalidOperand, SessionShared, StreamClosed
from colonnade.query.pages import read_from
from colonnade.scope import Bindings
from colonnade.session import Session, keeping_scope
from colonnade.spec import CursorCodec, Keyset, Position, Spec

__all__ = ["BATCH", "Batched", "Keyed", "Stream", "Written", "check_batch"]

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

#: Rows that are read together, unless somebody says otherwise.
BATCH: Final = 1000


class Batched(Protocol[R_co]):
    """Where a stream has its items from."""

    async def next(self) -> Sequence[R_co]:
        """The next items; none at the end, and then it is not asked again."""
        ...

    async def close(self) -> None:
        """No more will be asked for."""
        ...


class Stream(Generic[R]):
    """Every item in turn: ``async for hero in query.stream(): …``; it is read once.

    The loop may be left at any time; ``async with query.stream() as heroes`` ends the reading with
    its block. The session may be used meanwhile, but not by another task. Scopes are those that
    held when the first item was read, whatever the session is bound to afterwards.

    Raises ``StreamClosed`` once the transaction that it reads in has ended, and when it is over.
    """

    def __init__(self, session: Session, source: Batched[R]) -> None:
        self._session = session
        self._source: Batched[R] | None = source
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
        # Told at the next item and not at the next batch: few rows are enough to notice.
        self._check_transaction()
        for item in self._items:
            return item
        for item in await self._next():
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
        """End the reading. Twice does no harm."""
        self._items = iter(())
        source, self._source = self._source, None
        if source is not None:
            await source.close()

    async def _next(self) -> Iterator[R]:
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
            async with keeping_scope(self._session, self._scope):
                batch = await source.next()
        except BaseException:
            # What fails or is cancelled half way is not read on.
            self._source = None
            raise
        finally:
            self._reading = False
        self._transaction = self._running()
        self._items = iter(batch)
        return self._items

    def _check_transaction(self) -> None:
        begun = self._transaction
        if self._source is None or begun is None or self._running() is begun:
            return
        self._items = iter(())
        if not self._session.closed:
            self._source = None
            raise StreamClosed(
                "the transaction that the stream read in has ended",
                hint="commit after the loop, or give the stream a session of its own",
            )

    def _running(self) -> Any:
        return self._session.sync_session.get_transaction()


class Keyed(Generic[R]):
    """Batches that are statements of their own: each begins after the last row of the one before.

    ``fetch`` answers a spec with items, and with each one's keys in its order.
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
        """The next items; none at the end."""
        rows = self._size if self._left is None else min(self._size, self._left)
        if not rows:
            return []
        spec = self._spec
        if self._start is None and spec.offset is not None:
            # What is left out is counted in the whole list, whatever parts it is read in.
            items, keys = await self._fetch(spec.scrolled(Keyset(), (), rows))
        else:
            places = CursorCodec(spec, None)
            with allow_repeats():
                items, keys = await read_from(
                    self._session, spec.uncut(), self._fetch, places, self._start, False, rows
                )
        if len(items) < rows:
            self._left = 0
        else:
            self._start = Position(keys[-1])
            self._left = None if self._left is None else self._left - rows
        return items

    async def close(self) -> None:
        """There is nothing to close between two statements."""


class Written(Generic[R]):
    """Batches as the parts of one JSON array; ``write`` makes an array of each."""

    def __init__(self, source: Batched[R], write: Callable[[Sequence[R]], bytes]) -> None:
        self._source = source
        self._write = write
        self._before = b"["
        self._over = False

    async def next(self) -> list[bytes]:
        """The next part of the text."""
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
        """No more will be asked for."""
        await self._source.close()


def check_batch(size: int) -> int:
    """``size``. Raises ``InvalidOperand`` unless it is a number of rows."""
    if type(size) is not int or size < 1:
        raise InvalidOperand("batch must be a whole number of at least 1")
    return size
