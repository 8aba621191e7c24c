"""A service's shortcuts for all of its rows: ``service.all()`` for ``service.where().all()``."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Generic, TypeVar

from colonnade.filters import Condition
from colonnade.ordering import Order
from colonnade.pagination import CountMode, CursorPage, Page, Slice
from colonnade.query.misuse import NameHints
from colonnade.query.query import Query
from colonnade.query.streaming import DEFAULT_BATCH, Stream
from colonnade.schemas import Rows

__all__ = ["Queryable"]

M = TypeVar("M")


class Queryable(NameHints, Generic[M]):
    """A source of queries; each method is that of ``where()`` without conditions."""

    @abstractmethod
    def where(self, /, *conditions: Condition, **lookups: Any) -> Query[M]:
        """Return the query for the rows that meet all of these conditions."""

    def order_by(self, *names: Order) -> Query[M]:
        """Return the query for every row in this order; see ``Query.order_by``."""
        return self.where().order_by(*names)

    def load(self, /, *paths: Any, **collections: Rows) -> Query[M]:
        """Return the query for every row with these relations; see ``Query.load``."""
        return self.where().load(*paths, **collections)

    def limit(self, rows: int) -> Query[M]:
        """Return the query for at most ``rows`` rows."""
        return self.where().limit(rows)

    def stream(self, batch: int = DEFAULT_BATCH) -> Stream[M]:
        """Read every row in turn: ``async for row in …``; see ``Query.stream``."""
        return self.where().stream(batch)

    async def all(self) -> list[M]:
        """Read every row. One statement."""
        return await self.where().all()

    async def first(self) -> M | None:
        """Read the first row in the order of the key, or None. One statement."""
        return await self.where().first()

    async def count(self) -> int:
        """Count the rows. One statement."""
        return await self.where().count()

    async def exists(self) -> bool:
        """Return whether there is any row. One statement."""
        return await self.where().exists()

    async def page(self, number: int = 1, *, size: int = 50, count: CountMode = "exact") -> Page[M]:
        """Read the page with this number, from 1; see ``Query.page``."""
        return await self.where().page(number, size=size, count=count)

    async def slice(
        self, *, offset: int = 0, limit: int = 50, count: CountMode = "exact"
    ) -> Slice[M]:
        """Read the rows after the first ``offset`` ones, at most ``limit``; see ``Query.slice``."""
        return await self.where().slice(offset=offset, limit=limit, count=count)

    async def scroll(
        self, *, size: int = 50, after: str | None = None, before: str | None = None
    ) -> CursorPage[M]:
        """Read the first page, or the one after or before a cursor; see ``Query.scroll``."""
        return await self.where().scroll(size=size, after=after, before=before)
