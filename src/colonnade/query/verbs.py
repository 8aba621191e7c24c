"""In charge of what every query can be told and asked, whatever it answers with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Generic, Literal, Self, TypeAlias, TypeVar

from sqlalchemy import ColumnElement

from colonnade import reading
from colonnade.database import Session
from colonnade.errors import InvalidPage, MultipleFound, NotFound
from colonnade.filters import expression, lookups
from colonnade.ordering import term_of
from colonnade.pagination import Page, check_bounds, check_page
from colonnade.query.keys import missing, spec_of_key
from colonnade.spec import Spec

__all__ = ["MAX_PAGE", "Condition", "Verbs"]

R = TypeVar("R")
Condition: TypeAlias = ColumnElement[bool] | Mapping[str, Any] | bool

#: Items on a page at most, unless a service says otherwise.
MAX_PAGE = 1000


class Verbs(ABC, Generic[R]):
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

    def where(self, /, *conditions: Condition, **given: Any) -> Self:
        """Only rows for which all of this holds.

        Lookups are ``field=value``, ``field__operator=value`` and ``relation__field=value``;
        mappings hold lookups too, and SQLAlchemy expressions on the model's own columns are taken
        as they are. Raises ``UnknownField``, ``UnknownOperator`` or ``InvalidOperand`` at once.
        """
        spec = self._spec
        for condition in (*conditions, given):
            if isinstance(condition, Mapping):
                spec = spec.filtered(*lookups(spec.shape.model, condition))
            else:
                found = expression(spec.shape.model, condition)
                spec = replace(spec, expressions=(*spec.expressions, found))
        return self._with(spec)

    def order_by(self, *names: str) -> Self:
        """Sorted by these, in place of an order given before; the primary key breaks ties.

        ``"-age"`` is descending, ``"team.name"`` follows a relation to one object.
        """
        shape = self._spec.shape
        terms = tuple(term_of(shape.model, name) for name in names)
        return self._with(replace(self._spec, shape=replace(shape, order=terms)))

    def limit(self, rows: int) -> Self:
        """At most ``rows`` rows."""
        return self._with(self._spec.cut(limit=check_bounds("limit", rows)))

    def offset(self, rows: int) -> Self:
        """Without the first ``rows`` rows."""
        return self._with(self._spec.cut(offset=check_bounds("offset", rows)))

    async def all(self) -> list[R]:
        """Every row, or those that ``limit`` and ``offset`` leave."""
        return await self._fetch(self._spec)

    async def first(self) -> R | None:
        """The first row in order, or None."""
        found = await self._fetch(self._spec.within(1))
        return found[0] if found else None

    async def one_or_none(self) -> R | None:
        """The only row, or None. Raises ``MultipleFound`` if there are more."""
        found = await self._fetch(self._spec.within(2))
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
        asked = spec_of_key(self._spec.shape.model, key)
        spec = self._spec.uncut().filtered(asked.shape.where, asked.values)
        found = await self._fetch(spec)
        if not found:
            raise missing(spec.shape.model, (key,))
        return found[0]

    async def count(self) -> int:
        """How many rows there are, whatever ``limit`` and ``offset`` say. One statement."""
        return await reading.count(self._session, self._spec)

    async def exists(self) -> bool:
        """Whether there is a row. One statement."""
        return await reading.exists(self._session, self._spec)

    async def page(
        self, number: int = 1, *, size: int = 50, count: Literal["exact", "none"] = "exact"
    ) -> Page[R]:
        """The page with this number, from 1.

        With an exact count one statement more runs, and a page past the end has the true total;
        without, ``has_more`` is found out by one row more. Raises ``InvalidPage``.
        """
        check_page(number, size, count, self._max_page)
        if self._spec.shape.limited or self._spec.shape.skipping:
            raise InvalidPage(
                "a query with a limit or offset has no pages",
                hint="ask for all(), or leave them out",
            )
        spec = self._spec.cut(limit=size + (count == "none"), offset=(number - 1) * size)
        items = await self._fetch(spec)
        if count == "none":
            return Page.of(
                items[:size], number=number, size=size, total=None, has_more=len(items) > size
            )
        total = await self.count()
        return Page.of(items, number=number, size=size, total=total, has_more=number * size < total)
