"""``Projection``, the query that returns a schema's objects: ``query.into(Schema)``."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel

from colonnade import reading
from colonnade.query.json import Json
from colonnade.query.projected import SchemaQuery
from colonnade.query.streaming import BatchSource
from colonnade.spec import Spec

__all__ = ["Projection"]

S = TypeVar("S", bound=BaseModel)


class Projection(SchemaQuery[S]):
    """A query for objects of a schema; only the columns that the schema names are read."""

    __slots__ = ()

    async def _fetch(self, spec: Spec) -> list[S]:
        return await reading.read_schema_objects(self._session, spec, self._plan, self._terms)

    async def _fetch_with_keys(self, spec: Spec) -> tuple[list[S], list[tuple[Any, ...]]]:
        return await reading.read_schema_objects_with_keys(
            self._session, spec, self._plan, self._terms
        )

    def _open_cursor(self, size: int) -> BatchSource[S]:
        return reading.open_schema_cursor(
            self._session, self._bound_spec, self._plan, self._terms, size
        )

    def plan(self) -> str:
        """Return what is read: every field with its column, and the statements that run."""
        return str(self._plan)

    @property
    def json(self) -> Json:
        """A query like this one that returns JSON bytes: fields by alias, ready to be sent."""
        return Json(self)
