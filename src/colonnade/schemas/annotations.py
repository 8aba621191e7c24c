"""Annotate a schema's field with how it is read: ``Requires``, ``Rows`` and ``Unscoped``.

For example: ``full: Annotated[str, Requires("first", "last")]``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Final, TypeAlias, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, RootModel
from pydantic.fields import FieldInfo

from colonnade.errors import InvalidSchema

__all__ = [
    "Requires",
    "Rows",
    "Unscoped",
    "allows_none",
    "class_requires",
    "find_annotation",
    "nested_schemas",
]

#: A name or an SQL expression, or several of them.
_Order: TypeAlias = Any


class Requires:
    """The attributes that must be read for a field, for its validator or a property of the model.

    ``Requires("first", "last")`` names attributes of the model; ``"team.name"`` and
    ``"missions.year"`` follow relations. ``Requires()`` says that nothing is read: the field keeps
    its default. As a ``ClassVar`` of a schema it names what the schema's own validators read.
    """

    __slots__ = ("paths",)

    def __init__(self, *paths: str) -> None:
        self.paths = paths

    def __repr__(self) -> str:
        return f"Requires({', '.join(map(repr, self.paths))})"


class Unscoped:
    """A relation to one object that is read without the scopes of these names.

    With ``film: Annotated[FilmRead, Unscoped("deleted")]`` a rental shows its film also after the
    film was deleted. It holds for this field alone, and not for conditions or the order.
    """

    __slots__ = ("names",)

    def __init__(self, *names: str) -> None:
        if not names or not all(isinstance(name, str) for name in names):
            raise InvalidSchema(
                "Unscoped takes the names of scopes", hint='Unscoped("deleted"); one at least'
            )
        self.names = names

    def __repr__(self) -> str:
        return f"Unscoped({', '.join(map(repr, self.names))})"


class Rows:
    """The objects of a collection that are read, and their order.

    In ``Rows(order_by="-year", limit=3, where={"done": True})`` the arguments are those of a query
    on the collection's model; a condition is anything that ``where`` takes. The limit holds for
    each parent.
    """

    __slots__ = ("limit", "order_by", "where")

    def __init__(
        self,
        order_by: _Order = (),
        *,
        limit: int | None = None,
        where: Any = None,
    ) -> None:
        # An expression is no list of terms, though Python would take it for one.
        listed = isinstance(order_by, list | tuple)
        self.order_by: tuple[Any, ...] = tuple(order_by) if listed else (order_by,)
        self.limit = limit
        self.where = where

    def __repr__(self) -> str:
        return f"Rows({', '.join(self.describe_terms())})"

    def describe_terms(self) -> list[str]:
        """Return the arguments that were given, without the values of conditions."""
        parts = [f"order_by={', '.join(map(str, self.order_by))!r}"] if self.order_by else []
        parts += [] if self.limit is None else [f"limit={self.limit}"]
        if isinstance(self.where, Mapping):
            return [*parts, f"where={', '.join(self.where)!r}"]
        return parts if self.where is None else [*parts, "where=…"]


T = TypeVar("T")
_LISTS: Final = (list, tuple, set, frozenset, Sequence, Collection, Iterable)
_UNIONS: Final = (Union, UnionType)


def nested_schemas(annotation: Any) -> tuple[tuple[type[BaseModel], ...], bool]:
    """Return the schemas in ``Inner``, ``Inner | None``, ``list[Inner]`` or ``list[This | That]``.

    Return none if something else stands among them. The second value says whether there is a list.
    """
    (plain, *others) = _members_without_none(annotation)
    is_list = not others and get_origin(plain) in _LISTS and bool(get_args(plain))
    members = _members_without_none(get_args(plain)[0]) if is_list else [plain, *others]
    schemas = tuple(item for item in members if _is_schema(item))
    return (schemas if len(schemas) == len(members) else ()), is_list


def allows_none(annotation: Any) -> bool:
    """Return whether the annotation is ``X | None``."""
    return NoneType in _union_members(annotation)


def find_annotation(field: FieldInfo, kind: type[T]) -> T | None:
    """Return the annotation of this kind in a field's metadata, or None."""
    return next((item for item in field.metadata if isinstance(item, kind)), None)


def class_requires(schema: type[BaseModel]) -> Iterator[Requires]:
    """Yield the ``Requires`` that a schema declares for its own validators."""
    for owner in schema.__mro__:
        yield from (item for item in vars(owner).values() if isinstance(item, Requires))


def _members_without_none(annotation: Any) -> list[Any]:
    """Return the members of a union without None."""
    parts = [part for part in _union_members(annotation) if part is not NoneType]
    return parts or [NoneType]


def _union_members(annotation: Any) -> list[Any]:
    """Return the members of a union, also of nested ones, or the annotation alone."""
    if get_origin(annotation) is Annotated:
        return _union_members(get_args(annotation)[0])
    if get_origin(annotation) in _UNIONS:
        return [part for item in get_args(annotation) for part in _union_members(item)]
    if hasattr(annotation, "__value__"):  # type X = …
        return _union_members(annotation.__value__)
    return [annotation]


def _is_schema(item: Any) -> bool:
    return (
        isinstance(item, type) and issubclass(item, BaseModel) and not issubclass(item, RootModel)
    )
