"""The base of every query: the methods that narrow it and the verbs that run it.

``Query`` and ``SchemaQuery`` say how a spec is fetched; everything else is the same for both.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Generic, Self, TypeVar

from colonnade import reading
from colonnade.errors import MultipleFound, NotFound
from colonnade.filters import Condition
from colonnade.filters import parse_conditions as read_conditions
from colonnade.ordering import Order, SortKey, sort_keys_of
from colonnade.pagination import CountMode, CursorPage, Page, Slice, check_limit_or_offset
from colonnade.query.keys import filter_by_key, missing_row_error, parse_key
from colonnade.query.misuse import MisuseHints
from colonnade.query.pages import read_page, read_scroll, read_slice
from colonnade.query.streaming import (
    DEFAULT_BATCH,
    BatchSource,
    KeysetBatches,
    Stream,
    check_batch_size,
)
from colonnade.session import Session
from colonnade.spec import Spec

__all__ = ["MAX_PAGE", "BaseQuery", "Condition"]

R = TypeVar("R")

#: The most items on a page, unless a service sets another limit.
MAX_PAGE = 1000


class BaseQuery(MisuseHints, ABC, Generic[R]):
    """An immutable query; a method that narrows it returns a new one."""

    __slots__ = ("_max_page", "_session", "_spec")

    def __init__(self, session: Session, spec: Spec, max_page: int = MAX_PAGE) -> None:
        self._session = session
        self._spec = spec
        self._max_page = max_page

    @abstractmethod
    def _replace_spec(self, spec: Spec) -> Self:
        """Return the same kind of query for ``spec``."""

    @abstractmethod
    async def _fetch(self, spec: Spec) -> list[R]:
        """Return the items for ``spec``."""

    @property
    def _bound_spec(self) -> Spec:
        """The spec as its statements run, with all of its values."""
        return self._spec

    def _parse_order(self, names: tuple[Order, ...]) -> tuple[SortKey, ...]:
        """Return the sort keys for these names."""
        return sort_keys_of(self._spec.shape.model, names)

    @abstractmethod
    async def _fetch_with_keys(self, spec: Spec) -> tuple[list[R], list[tuple[Any, ...]]]:
        """Return the items for ``spec``, a scroll, and the values of each one's sort keys."""

    def where(self, /, *conditions: Condition, **given: Any) -> Self:
        """Return the query with only the rows that meet all of these conditions.

        Lookups are ``field=value``, ``field__operator=value`` and ``relation__field=value``;
        mappings hold lookups too, ``any_of``, ``all_of``, ``not_``, ``some`` and ``every`` combine
        them, and SQLAlchemy expressions on the model's own columns are taken as they are. Raises
        ``UnknownField``, ``UnknownOperator`` or ``InvalidOperand`` at once.
        """
        spec = self._spec
        return self._replace_spec(spec.where(read_conditions(spec.shape.model, conditions, given)))

    def order_by(self, *names: Order) -> Self:
        """Return the query sorted by these names, in place of an earlier order.

        ``"-age"`` is descending, ``"team.name"`` follows a relation to one object; hybrids,
        ``column_property`` and synonyms go by name, and SQLAlchemy's expressions on the model's own
        columns are taken as they are: ``func.lower(Hero.name).desc()``. The primary key is added at
        the end, so that the order is total. NULL counts as the greatest value, unless a name ends
        with ``nulls first`` or ``nulls last``, or an expression says so. Raises ``UnknownField`` or
        ``InvalidOperand`` at once.
        """
        return self._replace_spec(self._spec.sorted_by(self._parse_order(names)))

    def limit(self, rows: int) -> Self:
        """Return the query with at most ``rows`` rows."""
        return self._replace_spec(self._spec.cut(limit=check_limit_or_offset("limit", rows)))

    def offset(self, rows: int) -> Self:
        """Return the query without the first ``rows`` rows."""
        return self._replace_spec(self._spec.cut(offset=check_limit_or_offset("offset", rows)))

    async def all(self) -> list[R]:
        """Return every row, within ``limit`` and ``offset``."""
        return await self._fetch(self._bound_spec)

    async def first(self) -> R | None:
        """Return the first row in order, or None."""
        found = await self._fetch(self._bound_spec.within(1))
        return found[0] if found else None

    async def one_or_none(self) -> R | None:
        """Return the only row, or None. Raises ``MultipleFound`` if there are more."""
        # Two rows are enough to tell that there is more than one.
        found = await self._fetch(self._bound_spec.within(2))
        if len(found) > 1:
            name = self._spec.shape.model.__name__
            raise MultipleFound(
                f"more than one {name} answers to the query",
                hint="narrow it, or ask for first() or all()",
                model=name,
            )
        return found[0] if found else None

    async def one(self) -> R:
        """Return the only row. Raises ``NotFound`` or ``MultipleFound``."""
        found = await self.one_or_none()
        if found is None:
            name = self._spec.shape.model.__name__
            raise NotFound(f"no {name} answers to the query", model=name)
        return found

    async def get(self, key: Any) -> R:
        """Return the row with this primary key, if the query's conditions hold for it too.

        ``limit`` and ``offset`` are ignored. Raises ``NotFound``, or ``InvalidOperand`` for a value
        that is not a key of the model.
        """
        values = parse_key(self._spec.shape.model, key)
        spec = filter_by_key(self._bound_spec.uncut(), values)
        found = await self._fetch(spec)
        if not found:
            raise missing_row_error(spec.shape.model, (key,))
        return found[0]

    async def count(self) -> int:
        """Return how many rows ``all`` would return. One statement.

        It respects ``limit`` and ``offset``; a page's ``total`` is that of the whole list.
        """
        return await reading.count_rows(self._session, self._bound_spec)

    async def exists(self) -> bool:
        """Return whether ``all`` would return any row. One statement.

        After ``offset(5)`` this asks for a sixth row.
        """
        return await reading.has_rows(self._session, self._bound_spec)

    def stream(self, batch: int = DEFAULT_BATCH) -> Stream[R]:
        """Return every row in turn, with at most ``batch`` in memory: ``async for row in …``.

        Runs one statement through a database cursor, so that all rows are of one moment. In a
        reader (except on SQLite and in snapshots) and on MySQL it runs one statement for each
        batch, and later ones see what others have committed in between. Collections are read for
        each batch. Raises ``InvalidOperand`` for an impossible batch size.
        """
        return Stream(self._session, self._batch_source(check_batch_size(batch)))

    def _batch_source(self, size: int) -> BatchSource[R]:
        """Return the source of a stream: a database cursor if possible, else ``Keyed``."""
        spec = self._bound_spec
        by_cursor = self._session.streams and not spec.finds_nothing
        cursor = self._open_cursor(size) if by_cursor else None
        return cursor or KeysetBatches(self._session, spec, self._fetch_with_keys, size)

    @abstractmethod
    def _open_cursor(self, size: int) -> BatchSource[R] | None:
        """Return a database cursor over the items, or None if the query takes none."""

    @abstractmethod
    async def explain(self, *, analyze: bool = False) -> str:
        """Return the database's plan for the query."""

    async def page(self, number: int = 1, *, size: int = 50, count: CountMode = "exact") -> Page[R]:
        """Return the page with this number, from 1.

        For an exact count a second statement counts, unless the page shows where the list ends; a
        page past the end has the true total. An estimated count is the planner's on PostgreSQL
        where it is large, and exact elsewhere. With ``"none"`` there is no total, and one more row
        is read to see whether there are more. Raises ``InvalidPage``.
        """
        return await read_page(
            self._session, self._bound_spec, self._fetch, number, size, count, self._max_page
        )

    async def slice(
        self, *, offset: int = 0, limit: int = 50, count: CountMode = "exact"
    ) -> Slice[R]:
        """Return the rows after the first ``offset`` ones, at most ``limit``.

        For APIs with offset and limit. They are counted as those of a page: no statement counts if
        the end of the list is seen. Raises ``InvalidPage``.
        """
        return await read_slice(
            self._session, self._bound_spec, self._fetch, offset, limit, count, self._max_page
        )

    async def scroll(
        self, *, size: int = 50, after: str | None = None, before: str | None = None
    ) -> CursorPage[R]:
        """Return the first page, or the page after or before a cursor; equally fast at any depth.

        Pass a page's ``next`` as ``after``, its ``previous`` as ``before``. Rows that are added or
        deleted between pages never make another row appear twice or be left out. Runs one
        statement, and seldom a second or third, where the first sort key may be NULL or is shared
        by many rows. Raises ``InvalidCursor`` for a cursor that is not of this query, or
        ``InvalidPage``.
        """
        return await read_scroll(
            self._session,
            self._bound_spec,
            self._fetch_with_keys,
            size,
            after,
            before,
            self._max_page,
        )
