"""Read and write primary keys in URLs: one typed path segment for each column of the key."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import NoneType
from typing import Annotated, Any, Union, get_args
from urllib.parse import quote

import sqlalchemy as sa
from fastapi import Path
from pydantic import TypeAdapter

from colonnade.mapping.model import attribute_of_column

__all__ = ["UrlKey"]


@dataclass(frozen=True, slots=True)
class UrlKey:
    """The primary key of a model as it stands in a URL."""

    types: tuple[tuple[str, Any], ...]

    @classmethod
    def of(cls, model: type[Any]) -> UrlKey:
        """Return the key of a model. Configures no mapper, so that other models may be missing."""
        mapper: Any = sa.inspect(model)
        names = [attribute_of_column(mapper, column) for column in mapper.primary_key]
        return cls(tuple((name, _type_of(model, name)) for name in names if name is not None))

    @property
    def path(self) -> str:
        """The route's path below the collection: ``/{id}``, or a segment for each key column."""
        return "".join(f"/{{{name}}}" for name, _ in self.types)

    @property
    def reads(self) -> Callable[..., Awaitable[tuple[Any, ...]]]:
        """A dependency that reads the key from the path."""

        async def key(**segments: Any) -> tuple[Any, ...]:
            return tuple(segments[name] for name, _ in self.types)

        key.__signature__ = inspect.Signature(  # type: ignore[attr-defined] # what FastAPI reads
            [
                inspect.Parameter(
                    name, inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[kind, Path()]
                )
                for name, kind in self.types
            ]
        )
        return key

    def key_of(self, item: object) -> tuple[Any, ...]:
        """Return the key of an object, as a tuple."""
        return tuple(getattr(item, name) for name, _ in self.types)

    def below(self, collection: str, key: tuple[Any, ...]) -> str:
        """Return the URL path of the object with this key, below the path of its collection."""
        parts = (
            str(TypeAdapter(kind).dump_python(value, mode="json"))
            for (_, kind), value in zip(self.types, key, strict=True)
        )
        segments = "/".join(quote(part, safe="") for part in parts)
        return f"{quote(collection.rstrip('/'), safe='/')}/{segments}"


def _type_of(model: type[Any], name: str) -> Any:
    """Return the type of a key attribute without None, which it has before it is inserted."""
    kinds = [
        kind
        for kind in get_args(model.model_fields[name].annotation)
        or (model.model_fields[name].annotation,)
        if kind is not NoneType
    ]
    return Union[tuple(kinds)]  # noqa: UP007 # `|` takes no tuple
