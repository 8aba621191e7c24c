"""In charge of what a schema's annotation names: schemas, and whether there are many of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Final, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, RootModel
from pydantic.fields import FieldInfo

from colonnade.loading.terms import Requires

__all__ = ["allows_none", "class_requires", "found_in", "nested_schemas"]

T = TypeVar("T")
_LISTS: Final = (list, tuple, set, frozenset, Sequence, Collection, Iterable)
_UNIONS: Final = (Union, UnionType)


def nested_schemas(annotation: Any) -> tuple[tuple[type[BaseModel], ...], bool]:
    """The schemas in ``Inner``, ``Inner | None``, ``list[Inner]`` or ``list[This | That]``.

    Nothing where something else stands among them; and whether there is a list of them.
    """
    (plain, *others) = _members(annotation)
    is_list = not others and get_origin(plain) in _LISTS and bool(get_args(plain))
    members = _members(get_args(plain)[0]) if is_list else [plain, *others]
    schemas = tuple(item for item in members if _is_schema(item))
    return (schemas if len(schemas) == len(members) else ()), is_list


def allows_none(annotation: Any) -> bool:
    """Whether ``X | None`` stands there."""
    return NoneType in _parts(annotation)


def found_in(field: FieldInfo, kind: type[T]) -> T | None:
    """What of this kind a field's annotation has."""
    return next((item for item in field.metadata if isinstance(item, kind)), None)


def class_requires(schema: type[BaseModel]) -> Iterator[Requires]:
    """What a schema declares that its own validators look at."""
    for owner in schema.__mro__:
        yield from (item for item in vars(owner).values() if isinstance(item, Requires))


def _members(annotation: Any) -> list[Any]:
    parts = [part for part in _parts(annotation) if part is not NoneType]
    return parts or [NoneType]


def _parts(annotation: Any) -> list[Any]:
    """The members of a union, also of one in another, or the annotation alone."""
    if get_origin(annotation) is Annotated:
        return _parts(get_args(annotation)[0])
    if get_origin(annotation) in _UNIONS:
        return [part for item in get_args(annotation) for part in _parts(item)]
    if hasattr(annotation, "__value__"):  # type X = …
        return _parts(annotation.__value__)
    return [annotation]


def _is_schema(item: Any) -> bool:
    return (
        isinstance(item, type) and issubclass(item, BaseModel) and not issubclass(item, RootModel)
    )
