"""The verbs of a projection that return JSON as bytes, ready to be sent: ``projection.json``.

PostgreSQL writes the JSON itself where its text is exactly what Pydantic would write; otherwise
rows are read and the schema's own serializer writes them. ``plan`` says which of the two, and why.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from colonnade import reading
from colonnade.pagination import CountMode, CursorPage, Page, Slice
from colonnade.query.misuse import MisuseHints
from colonnade.query.pages import check_page_query, check_slice_query
from colonnade.query.projected import SchemaQuery
from colonnade.query.streaming import DEFAULT_BATCH, JsonBatches, Stream, check_batch_size
from colonnade.spec import Spec

__all__ = ["Json"]


class Json(MisuseHints):
    """The verbs of a projection, with answers as JSON bytes: fields by alias, as in FastAPI."""

    __slots__ = ("_objects", "_projection")

    def __init__(self, projection: SchemaQuery[Any]) -> None:
        self._projection = projection
        self._objects = _JsonQuery.of(projection)

    def plan(self) -> str:
        """Return what is read, and whether the database writes the JSON or why it does not."""
        return self._objects.plan()

    async def explain(self, *, analyze: bool = False) -> str:
        """Return the database's plan for ``all``: for the JSON, or for the rows that it is made of.

        Takes and raises what ``explain`` of the projection does. Runs one statement.
        """
        return await self._objects.explain(analyze=analyze)

    async def all(self) -> bytes:
        """Return an array of every row. Runs one statement, or those that reading rows takes."""
        return await self._objects.array()

    def stream(self, batch: int = DEFAULT_BATCH) -> Stream[bytes]:
        """Return an array of every row, in parts as they are read, for a streaming response.

        Reads as ``Projection.stream`` does. If reading fails, the parts sent so far are not valid
        JSON.
        """
        projection = self._projection
        adapter = reading.list_adapter_of(projection._schema)

        def write(items: Sequence[Any]) -> bytes:
            return adapter.dump_json(list(items), by_alias=True)

        source = projection._batch_source(check_batch_size(batch))
        return Stream(projection._session, JsonBatches(source, write))

    async def first(self) -> bytes | None:
        """Return the first object in order, or None."""
        return await self._objects.first()

    async def one_or_none(self) -> bytes | None:
        """Return the only object, or None. Raises ``MultipleFound`` if there are more."""
        return await self._objects.one_or_none()

    async def one(self) -> bytes:
        """Return the only object. Raises ``NotFound`` or ``MultipleFound``."""
        return await self._objects.one()

    async def get(self, key: Any) -> bytes:
        """Return the object with this key, or the group with this key. Raises ``NotFound``."""
        return await self._objects.get(key)

    async def page(self, number: int = 1, *, size: int = 50, count: CountMode = "exact") -> bytes:
        """Return a page as ``Page`` writes it: its items and counts. Raises ``InvalidPage``.

        Where the database writes the JSON, the same statement counts for an exact count.
        """
        items, page = await self._objects.numbered(number, size, count)
        return _write_page(items, page)

    async def slice(self, *, offset: int = 0, limit: int = 50, count: CountMode = "exact") -> bytes:
        """Return a slice as ``Slice`` writes it, with its items and count. Raises ``InvalidPage``.

        Where the database writes the JSON, the same statement counts for an exact count.
        """
        items, found = await self._objects.sliced(offset, limit, count)
        return _write_page(items, found)

    async def scroll(
        self, *, size: int = 50, after: str | None = None, before: str | None = None
    ) -> bytes:
        """Return a page as ``CursorPage`` writes it, with its items and cursors.

        Raises ``InvalidPage`` or ``InvalidCursor``.
        """
        page = await self._objects.scroll(size=size, after=after, before=before)
        return _write_page(_join_array(page.items), page)


class _JsonQuery(SchemaQuery[bytes]):
    """The query of a projection, with the JSON bytes of each object as its items."""

    __slots__ = ()

    @classmethod
    def of(cls, asked: SchemaQuery[Any]) -> Self:
        """Return the query that a projection asks, with JSON for its items."""
        return cls(*asked._init_arguments(asked._spec, asked._given))

    def _open_cursor(self, size: int) -> None:
        """Return None: streams of JSON are written from rows, see ``Json.stream``."""

    async def _fetch(self, spec: Spec) -> list[bytes]:
        found, _ = await self._fetch_with_keys(spec)
        return found

    async def _fetch_with_keys(self, spec: Spec) -> tuple[list[bytes], list[tuple[Any, ...]]]:
        return await reading.json_objects(self._session, spec, self._plan, self._terms)

    async def array(self) -> bytes:
        """Return an array of every row."""
        return await reading.json_array(self._session, self._bound_spec, self._plan, self._terms)

    async def numbered(self, number: int, size: int, count: CountMode) -> tuple[bytes, Page[Any]]:
        """Return the items of a page as an array, and the page without them."""
        if count == "exact":
            check_page_query(self._spec, number, size, count, self._max_page)
            counted = await self._fetch_counted(limit=size, offset=(number - 1) * size)
            if counted is not None:
                items, total = counted
                more = number * size < total
                return items, Page[Any].of([], number=number, size=size, total=total, has_more=more)
        page = await self.page(number, size=size, count=count)
        return _join_array(page.items), page

    async def sliced(self, offset: int, limit: int, count: CountMode) -> tuple[bytes, Slice[Any]]:
        """Return the items of a slice as an array, and the slice without them."""
        if count == "exact":
            check_slice_query(self._spec, offset, limit, count, self._max_page)
            counted = await self._fetch_counted(limit=limit, offset=offset)
            if counted is not None:
                items, total = counted
                more = offset + limit < total
                return items, Slice[Any].of(
                    [], offset=offset, limit=limit, total=total, has_more=more
                )
        found = await self.slice(offset=offset, limit=limit, count=count)
        return _join_array(found.items), found

    async def _fetch_counted(self, *, limit: int, offset: int) -> tuple[bytes, int] | None:
        """Return the array and the exact count from one statement; None if rows must be read."""
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


def _join_array(items: list[bytes]) -> bytes:
    return b"[" + b",".join(items) + b"]"


def _write_page(items: bytes, page: Page[Any] | Slice[Any] | CursorPage[Any]) -> bytes:
    """Return the page's JSON with ``items`` as its first member."""
    # The items are JSON already, so that Pydantic writes the rest, whose "{" is left out.
    rest = page.__pydantic_serializer__.to_json(page, exclude={"items"})
    return b'{"items":' + items + b"," + rest[1:]
