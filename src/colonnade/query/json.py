"""In charge of ``Json``: the verbs of a projection whose answers are bytes, ready to be sent.

PostgreSQL writes them where they come out as Pydantic would write them; otherwise rows are read,
and the schema's own serialiser writes them. ``plan`` tells which of the two, and why.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from colonnade import reading
from colonnade.pagination import CountMode, CursorPage, Page, Slice
from colonnade.query.misuse import Unasked
from colonnade.query.pages import check_numbered, check_sliced
from colonnade.query.projected import Projected
from colonnade.query.streaming import BATCH, Stream, Written, check_batch
from colonnade.spec import Spec

__all__ = ["Json"]


class Json(Unasked):
    """The answers of a projection as JSON, by alias, as FastAPI writes them."""

    __slots__ = ("_objects", "_projection")

    def __init__(self, projection: Projected[Any]) -> None:
        self._projection = projection
        self._objects = _Objects.of(projection)

    def plan(self) -> str:
        """What is read, and whether the database writes the answer or why it does not."""
        return self._objects.plan()

    async def explain(self, *, analyze: bool = False) -> str:
        """How the database would write ``all``, or answer with the rows that it is made of.

        Takes and raises what ``explain`` of the projection does. One statement.
        """
        return await self._objects.explain(analyze=analyze)

    async def all(self) -> bytes:
        """An array of every row. One statement, or those that rows take."""
        return await self._objects.array()

    def stream(self, batch: int = BATCH) -> Stream[bytes]:
        """An array of every row, in parts as they are read: what a streaming response sends.

        As ``Projection.stream``. What is cut short, because the reading failed, is no JSON.
        """
        projection = self._projection
        adapter = reading.adapter_of(projection._schema)

        def write(items: Sequence[Any]) -> bytes:
            return adapter.dump_json(list(items), by_alias=True)

        source = projection._batched(check_batch(batch))
        return Stream(projection._session, Written(source, write))

    async def first(self) -> bytes | None:
        """The first object in order, or None."""
        return await self._objects.first()

    async def one_or_none(self) -> bytes | None:
        """The only object, or None. Raises ``MultipleFound`` if there are more."""
        return await self._objects.one_or_none()

    async def one(self) -> bytes:
        """The only object. Raises ``NotFound`` or ``MultipleFound``."""
        return await self._objects.one()

    async def get(self, key: Any) -> bytes:
        """The object with this primary key, or the group. Raises ``NotFound``."""
        return await self._objects.get(key)

    async def page(self, number: int = 1, *, size: int = 50, count: CountMode = "exact") -> bytes:
        """A page as ``Page`` writes it, its items and its counts. Raises ``InvalidPage``.

        Where the database writes it, the exact count is a part of the one statement.
        """
        items, page = await self._objects.numbered(number, size, count)
        return _around(items, page)

    async def slice(self, *, offset: int = 0, limit: int = 50, count: CountMode = "exact") -> bytes:
        """A slice as ``Slice`` writes it, its items and its count. Raises ``InvalidPage``.

        Where the database writes it, the exact count is a part of the one statement.
        """
        items, found = await self._objects.sliced(offset, limit, count)
        return _around(items, found)

    async def scroll(
        self, *, size: int = 50, after: str | None = None, before: str | None = None
    ) -> bytes:
        """A page as ``CursorPage`` writes it, its items and its cursors.

        Raises ``InvalidPage`` or ``InvalidCursor``.
        """
        page = await self._objects.scroll(size=size, after=after, before=before)
        return _around(_array(page.items), page)


class _Objects(Projected[bytes]):
    """The same question, answered with the bytes of each object."""

    __slots__ = ()

    @classmethod
    def of(cls, asked: Projected[Any]) -> Self:
        """The question that a projection asks."""
        return cls(*asked._parts(asked._spec, asked._given))

    def _cursor(self, size: int) -> None:
        """None: streams are written from rows."""

    async def _fetch(self, spec: Spec) -> list[bytes]:
        found, _ = await self._fetch_placed(spec)
        return found

    async def _fetch_placed(self, spec: Spec) -> tuple[list[bytes], list[tuple[Any, ...]]]:
        return await reading.json_objects(self._session, spec, self._plan, self._terms)

    async def array(self) -> bytes:
        return await reading.json_array(self._session, self._bound_spec, self._plan, self._terms)

    async def numbered(self, number: int, size: int, count: CountMode) -> tuple[bytes, Page[Any]]:
        """The items of a page as an array, and the page without them."""
        if count == "exact":
            check_numbered(self._spec, number, size, count, self._max_page)
            counted = await self._counted(limit=size, offset=(number - 1) * size)
            if counted is not None:
                items, total = counted
                more = number * size < total
                return items, Page[Any].of([], number=number, size=size, total=total, has_more=more)
        page = await self.page(number, size=size, count=count)
        return _array(page.items), page

    async def sliced(self, offset: int, limit: int, count: CountMode) -> tuple[bytes, Slice[Any]]:
        """The items of a slice as an array, and the slice without them."""
        if count == "exact":
            check_sliced(self._spec, offset, limit, count, self._max_page)
            counted = await self._counted(limit=limit, offset=offset)
            if counted is not None:
                items, total = counted
                more = offset + limit < total
                return items, Slice[Any].of(
                    [], offset=offset, limit=limit, total=total, has_more=more
                )
        found = await self.slice(offset=offset, limit=limit, count=count)
        return _array(found.items), found

    async def _counted(self, *, limit: int, offset: int) -> tuple[bytes, int] | None:
        spec = self._bound_spec.cut(limit=limit, offset=offset)
        return await reading.read_array_and_count(self._session, spec, self._plan, self._terms)

    def plan(self) -> str:
        reason = reading.why_plan_reads_rows(self._plan, self._session.family)
        if reason is None:
            return f"{self._plan}\nas JSON: 1 statement, written by the database"
        return f"{self._plan}\nas JSON: from rows ({reason})"

    async def explain(self, *, analyze: bool = False) -> str:
        return await reading.explain_document(
            self._session, self._bound_spec, self._plan, self._terms, analyze
        )


def _array(items: list[bytes]) -> bytes:
    return b"[" + b",".join(items) + b"]"


def _around(items: bytes, page: Page[Any] | Slice[Any] | CursorPage[Any]) -> bytes:
    """The page's JSON with these items in their place, which is the first."""
    rest = page.__pydantic_serializer__.to_json(page, exclude={"items"})
    return b'{"items":' + items + b"," + rest[1:]
