"""In charge of what every query can be told and asked, whatever it answers with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Generic, Self, TypeVar

from colonnade import reading
from colonnade.errors import MultipleFound, NotFound
from colonnade.filters import Condition
from colonnade.filters import parse_conditions as read_conditions
from colonnade.ordering import Order, SortKey, sort_keys_of
from colonnade.pagination import CountMode, CursorPage, Page, Slice, check_limit_or_offset
from colonnade.query.keys import filter_by_key, key_of, missing
from colonnade.query.misuse import Unasked
from colonnade.query.pages import numbered, scrolled, sliced
from colonnade.query.streaming import BATCH, Batched, Keyed, Stream, check_batch
from colonnade.session import Session
from colonnade.spec import Spec

__all__ = ["MAX_PAGE", "Condition", "Verbs"]

R = TypeVar("R")

#: Items on a page at most, unless a service says otherwise.
MAX_PAGE = 1000


class Verbs(Unasked, ABC, Generic[R]):
    """An immutable question: each method that narrows it answers with a new one."""

    __slots__ = ("_max_page", "_session", "_spec")

    def __init__(self, session: Session, spec: Spec, max_page: int = MAX_PAGE) -> None:
        self._session = session
        self._spec = spec
        self._max_page = max_page

    @abstractmethod
    def _with(self, spec: Spec) -> Self:
        """The same kind of question about ``spec``."""

    @abstractmethod
    async def _fetch(self, spec: Spec) -> list[R]:
        """The answers to ``spec``."""

    @property
    def _bound_spec(self) -> Spec:
        """The spec as its statements run."""
        return self._spec

    def _order(self, names: tuple[Order, ...]) -> tuple[SortKey, ...]:
        """What to sort by for these names."""
        return sort_keys_of(self._spec.shape.model, names)

    @abstractmethod
    async def _fetch_placed(self, spec: Spec) -> tuple[list[R], list[tuple[Any, ...]]]:
        """The answers to ``spec``, which is a scroll, and each one's keys in its order."""

    def where(self, /, *conditions: Condition, **given: Any) -> Self:
        """Only rows for which all of this holds.

        Lookups are ``field=value``, ``field__operator=value`` and ``relation__field=value``;
        mappings hold lookups too, ``any_of``, ``all_of``, ``not_``, ``some`` and ``every`` put them
        together, and SQLAlchemy expressions on the model's own columns are taken as they are.
        Raises ``UnknownField``, ``UnknownOperator`` or ``InvalidOperand`` at once.
        """
        spec = self._spec
        return self._with(spec.where(read_conditions(spec.shape.model, conditions, given)))

    def order_by(self, *names: Order) -> Self:
        """Sorted by these, in place of an order given before; the primary key breaks ties.

        ``"-age"`` is descending, ``"team.name"`` follows a relation to one object; hybrids,
        ``column_property`` and synonyms go by name, and SQLAlchemy's expressions on the model's own
        columns are taken as they are: ``func.lower(Hero.name).desc()``. NULL counts as the greatest
        value, unless a name ends with ``nulls first`` or ``nulls last``, or an expression says so.
        Raises ``UnknownField`` or ``InvalidOperand`` at once.
        """
        return self._with(self._spec.sorted_by(self._order(names)))

    def limit(self, rows: int) -> Self:
        """At most ``rows`` rows."""
        return self._with(self._spec.cut(limit=check_limit_or_offset("limit", rows)))

    def offset(self, rows: int) -> Self:
        """Without the first ``rows`` rows."""
        return self._with(self._spec.cut(offset=check_limit_or_offset("offset", rows)))

    async def all(self) -> list[R]:
        """Every row, or those that ``limit`` and ``offset`` leave."""
        return await self._fetch(self._bound_spec)

    async def first(self) -> R | None:
        """The first row in order, or None."""
        found = await self._fetch(self._bound_spec.within(1))
        return found[0] if found else None

    async def one_or_none(self) -> R | None:
        """The only row, or None. Raises ``MultipleFound`` if there are more."""
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
        """The only row. Raises ``NotFound`` or ``MultipleFound``."""
        found = await self.one_or_none()
        if found is None:
            name = self._spec.shape.model.__name__
            raise NotFound(f"no {name} answers to the query", model=name)
        return found

    async def get(self, key: Any) -> R:
        """The row with this primary key, if the query's conditions hold for it too.

        ``limit`` and ``offset`` count for nothing here. Raises ``NotFound``, or ``InvalidOperand``
        for a key that is none.
        """
        values = key_of(self._spec.shape.model, key)
        spec = filter_by_key(self._bound_spec.uncut(), values)
        found = await self._fetch(spec)
        if not found:
            raise missing(spec.shape.model, (key,))
        return found[0]

    async def count(self) -> int:
        """How many rows ``all`` would answer with. One statement.

        With ``limit`` or ``offset`` those that they leave; a page's ``total`` is of the whole list.
        """
        return await reading.count(self._session, self._bound_spec)

    async def exists(self) -> bool:
        """Whether ``all`` would answer with a row: after ``offset(5)``, a sixth. One statement."""
        return await reading.exists(self._session, self._bound_spec)

    def stream(self, batch: int = BATCH) -> Stream[R]:
        """Every row in turn, of which at most ``batch`` are held: ``async for row in …``.

        One statement through a cursor of the database's, in which the rows are those of one moment;
        in a reader (but for SQLite's, and snapshots) and on MySQL one for each batch, which sees
        what others have committed in between. Collections are read for each batch. Raises
        ``InvalidOperand`` for a batch that is none.
        """
        return Stream(self._session, self._batched(check_batch(batch)))

    def _batched(self, size: int) -> Batched[R]:
        spec = self._bound_spec
        by_cursor = self._session.streams and not spec.finds_nothing
        cursor = self._cursor(size) if by_cursor else None
        return cursor or Keyed(self._session, spec, self._fetch_placed, size)

    @abstractmethod
    def _cursor(self, size: int) -> Batched[R] | None:
        """The answers as a cursor reads them, if it can."""

    @abstractmethod
    async def explain(self, *, analyze: bool = False) -> str:
        """How the database would answer."""

    async def page(self, number: int = 1, *, size: int = 50, count: CountMode = "exact") -> Page[R]:
        """The page with this number, from 1.

        With an exact count a second statement counts, unless the page shows where the list ends; a
        page past the end has the true total. An estimated one is the planner's on PostgreSQL where
        it is large, and exact elsewhere; with ``"none"`` there is no total, and one row more tells
        whether there are more. Raises ``InvalidPage``.
        """
        return await numbered(
            self._session, self._bound_spec, self._fetch, number, size, count, self._max_page
        )

    async def slice(
        self, *, offset: int = 0, limit: int = 50, count: CountMode = "exact"
    ) -> Slice[R]:
        """The rows after the first ``offset`` ones, at most ``limit``: for APIs that ask so.

        They are counted as those of a page: no statement counts where the list's end is seen.
        Raises ``InvalidPage``.
        """
        return await sliced(
            self._session, self._bound_spec, self._fetch, offset, limit, count, self._max_page
        )

    async def scroll(
        self, *, size: int = 50, after: str | None = None, before: str | None = None
    ) -> CursorPage[R]:
        """The first page, or the one after or before a cursor: as fast wherever it is.

        ``next`` of a page goes in ``after``, ``previous`` in ``before``. Rows that come and go
        between pages make no other row come twice or be left out. One statement, and seldom a
        second or third, where the first key of the order may be NULL or is shared by many rows.
        Raises ``InvalidCursor`` for what is no cursor of this question, or ``InvalidPage``.
        """
        return await scrolled(
            self._session, self._bound_spec, self._fetch_placed, size, after, before, self._max_page
        )
