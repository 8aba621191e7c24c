"""In charge of ``Query``: a spec bound to a session, answering with the model's own objects."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Self, TypeVar

from pydantic import BaseModel
from sqlalchemy import Select

from colonnade import reading
from colonnade.errors import InvalidOperand
from colonnade.mapping import Relation
from colonnade.mapping.paths import relation_path
from colonnade.query.projection import Projection
from colonnade.query.verbs import Verbs
from colonnade.spec import Spec, entities

__all__ = ["Query", "load_paths"]

M = TypeVar("M")
S = TypeVar("S", bound=BaseModel)


class Query(Verbs[M]):
    """A question that objects of the model answer. Nothing runs until a verb is awaited."""

    __slots__ = ()

    def _with(self, spec: Spec) -> Self:
        return type(self)(self._session, spec, self._max_page)

    async def _fetch(self, spec: Spec) -> list[M]:
        return await reading.fetch(self._session, spec)

    def load(self, *paths: Any) -> Self:
        """With these relations: names such as ``"missions.place"``, or mapped attributes.

        A single object is joined, a collection takes one statement more.
        """
        shape = self._spec.shape
        load = tuple(dict.fromkeys((*shape.load, *load_paths(shape.model, paths))))
        return self._with(replace(self._spec, shape=replace(shape, load=load)))

    def into(self, schema: type[S]) -> Projection[S]:
        """The same question, answered with ``schema``; only what it names is read.

        Raises ``InvalidSchema`` when the model cannot fill it.
        """
        shape = replace(self._spec.shape, load=())
        return Projection(self._session, replace(self._spec, shape=shape), schema, self._max_page)

    def statement(self) -> Select[Any]:
        """SQLAlchemy's SELECT with its values bound, to look at or to build on."""
        statement: Select[Any] = entities(self._spec).params(self._spec.parameters)
        return statement


def load_paths(model: type[Any], paths: Iterable[Any]) -> tuple[tuple[Relation, ...], ...]:
    """The relations that names such as ``"missions.place"`` or mapped attributes mean."""
    return tuple(relation_path(model, _name(path)) for path in paths)


def _name(path: Any) -> str:
    name = path if isinstance(path, str) else getattr(path, "key", None)
    if not isinstance(name, str):
        raise InvalidOperand(
            f"a relation is named by a string or a mapped attribute, not {type(path).__name__}"
        )
    return name
