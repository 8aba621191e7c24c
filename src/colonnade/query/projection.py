"""In charge of ``Projection``: the same questions, answered with a schema, and as JSON."""

from __future__ import annotations

from typing import Any, Generic, Literal, Self, TypeVar

from pydantic import BaseModel

from colonnade import reading
from colonnade.database import Session
from colonnade.loading import plan_of
from colonnade.pagination import Page
from colonnade.query.verbs import MAX_PAGE, Verbs
from colonnade.spec import Spec

__all__ = ["Json", "Projection"]

S = TypeVar("S", bound=BaseModel)


class Projection(Verbs[S]):
    """A question that objects of a schema answer; only the columns that it names are read."""

    __slots__ = ("_schema",)

    def __init__(
        self, session: Session, spec: Spec, schema: type[S], max_page: int = MAX_PAGE
    ) -> None:
        super().__init__(session, spec, max_page)
        plan_of(spec.shape.model, schema)
        self._schema = schema

    def _with(self, spec: Spec) -> Self:
        return type(self)(self._session, spec, self._schema, self._max_page)

    async def _fetch(self, spec: Spec) -> list[S]:
        return await reading.fill(self._session, spec, self._schema)

    @property
    def json(self) -> Json[S]:
        """The same answers as JSON, by alias, as bytes ready to be sent."""
        return Json(self, self._schema)


class Json(Generic[S]):
    """The verbs of a projection whose answers are bytes."""

    __slots__ = ("_projection", "_schema")

    def __init__(self, projection: Projection[S], schema: type[S]) -> None:
        self._projection = projection
        self._schema = schema

    async def all(self) -> bytes:
        """An array of every row."""
        found = await self._projection.all()
        return reading.adapter_of(self._schema).dump_json(found, by_alias=True)

    async def get(self, key: Any) -> bytes:
        """The object with this primary key. Raises ``NotFound``."""
        return _document(await self._projection.get(key))

    async def one(self) -> bytes:
        """The only object. Raises ``NotFound`` or ``MultipleFound``."""
        return _document(await self._projection.one())

    async def page(
        self, number: int = 1, *, size: int = 50, count: Literal["exact", "none"] = "exact"
    ) -> bytes:
        """A page as ``Page`` writes it, its items and its counts."""
        page = await self._projection.page(number, size=size, count=count)
        kind: type[Page[S]] = Page[self._schema]  # type: ignore[name-defined] # known at run time
        return kind.__pydantic_serializer__.to_json(page, by_alias=True)


def _document(item: BaseModel) -> bytes:
    return item.__pydantic_serializer__.to_json(item, by_alias=True)
