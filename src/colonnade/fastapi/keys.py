"""In charge of keys in URLs: a path segment for each column of the key, typed as the model says."""

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

from colonnade.mapping.model import attribute_of

__all__ = ["UrlKey"]


@dataclass(frozen=True, slots=True)
class UrlKey:
    """The key of a model as it stands in a URL. Made without configuring any mapper."""

    types: tuple[tuple[str, Any], ...]

    @classmethod
    def of(cls, model: type[Any]) -> UrlKey:
        """The key's attributes, each with the type that its value has in a URL."""
        mapper: Any = sa.inspect(model)
        names = [attribute_of(mapper, column) for column in mapper.primary_key]
        return cls(tuple((name, _type_of(model, name)) for name in names if name is not None))

    @property
    def path(self) -> str:
        """``/{id}``, or a segment for each part of a composite key."""
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
        """The key of an object."""
        return tuple(getattr(item, name) for name, _ in self.types)

    def below(self, collection: str, key: tuple[Any, ...]) -> str:
        """The path of the object with this key in the collection at a path."""
        parts = (
            str(TypeAdapter(kind).dump_python(value, mode="json"))
            for (_, kind), value in zip(self.types, key, strict=True)
        )
        segments = "/".join(quote(part, safe="") for part in parts)
        return f"{quote(collection.rstrip('/'), safe='/')}/{segments}"


def _type_of(model: type[Any], name: str) -> Any:
    kinds = [
        kind
        for kind in get_args(model.model_fields[name].annotation)
        or (model.model_fields[name].annotation,)
        if kind is not NoneType
    ]
    return Union[tuple(kinds)]  # noqa: UP007 # `|` takes no tuple
