"""Dicts and lists that mark their row as changed when they are edited, at any depth.

SQLAlchemy's ``MutableDict`` and ``MutableList`` notice edits at the top only. Here every container
knows the one that it is in, and an edit is passed on up to the one that the row holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, Self, SupportsIndex, TypeVar

from sqlalchemy import JSON, event, inspect
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.mutable import Mutable
from sqlalchemy.orm import InstanceState, Mapper
from sqlalchemy.types import TypeDecorator, TypeEngine
from typing_extensions import override

from colonnade.capabilities import capabilities_of

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Dialect

__all__ = [
    "MutableJSON",
    "TrackedDict",
    "TrackedDocument",
    "TrackedList",
    "document_attributes",
    "track_documents",
]

_Method = TypeVar("_Method", bound=Callable[..., Any])


class TrackedDocument(Mutable):
    """A dict or list in a JSON column, or inside of another one there.

    A container that is put into a document is copied, so that each has one owner. If a document is
    shared by two rows, or edited after its removal, this costs at most a needless UPDATE.
    """

    #: The container that this one is in; None for what the column itself holds.
    _owner: TrackedDocument | None = None

    @classmethod
    @override
    def coerce(cls, key: str, value: Any) -> Any:
        if value is None or isinstance(value, TrackedDocument):
            return value
        if isinstance(value, dict | list):
            return _track_value(value, None)
        raise ValueError(f"{key} must be a dict, a list or None, not {type(value).__name__}")

    @override
    def changed(self) -> None:
        """Mark every row that holds this container, itself or in another, as changed."""
        super().changed()
        if self._owner is not None:
            self._owner.changed()


def _mark_changed_after(method: _Method) -> _Method:
    """Return a method of dict or list that also marks the row as changed."""

    @wraps(method)
    def edit(self: TrackedDocument, *args: Any, **kwargs: Any) -> Any:
        result = method(self, *args, **kwargs)
        self.changed()
        return result

    return edit  # type: ignore[return-value]  # the same signature, through wraps


class TrackedDict(TrackedDocument, dict[str, Any]):
    """A dict of JSON values whose edits mark the row as changed."""

    def __init__(self, value: Mapping[str, Any], owner: TrackedDocument | None = None) -> None:
        super().__init__({name: _track_value(item, self) for name, item in value.items()})
        self._owner = owner

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, _track_value(value, self))
        self.changed()

    @override
    def setdefault(self, name: str, default: Any = None) -> Any:
        if name not in self:
            self[name] = default
        return self[name]

    @override
    def update(self, *args: Any, **kwargs: Any) -> None:
        for name, value in dict(*args, **kwargs).items():
            super().__setitem__(name, _track_value(value, self))
        self.changed()

    def __ior__(self, other: Any) -> Self:  # type: ignore[override,misc]  # dict has overloads
        self.update(other)
        return self

    __delitem__ = _mark_changed_after(dict.__delitem__)
    clear = _mark_changed_after(dict.clear)
    pop = _mark_changed_after(dict.pop)
    popitem = _mark_changed_after(dict.popitem)

    # Without the owner and the row, which would be pickled or copied along otherwise.
    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        return TrackedDict, (dict(self),)


class TrackedList(TrackedDocument, list[Any]):
    """A list of JSON values whose edits mark the row as changed."""

    def __init__(self, value: Iterable[Any], owner: TrackedDocument | None = None) -> None:
        super().__init__(_track_value(item, self) for item in value)
        self._owner = owner

    def __setitem__(self, index: Any, value: Any) -> None:
        several = isinstance(index, slice)
        super().__setitem__(
            index,
            [_track_value(item, self) for item in value] if several else _track_value(value, self),
        )
        self.changed()

    @override
    def append(self, value: Any) -> None:
        super().append(_track_value(value, self))
        self.changed()

    @override
    def extend(self, values: Iterable[Any]) -> None:
        super().extend([_track_value(value, self) for value in values])
        self.changed()

    @override
    def insert(self, index: SupportsIndex, value: Any) -> None:
        super().insert(index, _track_value(value, self))
        self.changed()

    def __iadd__(self, values: Iterable[Any]) -> Self:  # type: ignore[misc]  # __add__ is list's
        self.extend(values)
        return self

    def __imul__(self, times: SupportsIndex) -> Self:
        self[:] = list(self) * times
        return self

    __delitem__ = _mark_changed_after(list.__delitem__)
    clear = _mark_changed_after(list.clear)
    pop = _mark_changed_after(list.pop)
    remove = _mark_changed_after(list.remove)
    reverse = _mark_changed_after(list.reverse)
    sort = _mark_changed_after(list.sort)

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        return TrackedList, (list(self),)


def _track_value(value: Any, owner: TrackedDocument | None) -> Any:
    """Return a tracked copy of a dict, list or tuple; any other value as it is."""
    if isinstance(value, dict):
        return TrackedDict(value, owner)
    if isinstance(value, list | tuple):
        return TrackedList(value, owner)
    return value


class MutableJSON(TypeDecorator[Any]):
    """A dict or a list; the next flush saves an edit in place, at any depth.

    ``JSONB`` on PostgreSQL, ``JSON`` elsewhere. None is SQL NULL: a JSON null may be inside of a
    document, but is none itself. Setting a value of another type raises ``ValueError``.
    """

    impl = JSON
    cache_ok = True

    def __init__(self) -> None:
        super().__init__(none_as_null=True)

    @override
    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if capabilities_of(dialect.name).has_binary_json:
            return dialect.type_descriptor(JSONB(none_as_null=True))
        return dialect.type_descriptor(JSON(none_as_null=True))

    def __repr__(self) -> str:
        return "MutableJSON()"


TrackedDocument.associate_with(MutableJSON)


@event.listens_for(Mapper, "mapper_configured")
def _track_after_flush(mapper: Mapper[Any], model: type[Any]) -> None:
    """Track the documents of a model's objects again after each flush."""
    names = document_attributes(mapper)

    # SQLModel's __setattr__ passes a value to SQLAlchemy, which replaces it by a tracked one, and
    # then puts the caller's plain object back. This is harmless until the flush, since the
    # attribute counts as changed anyway. After the flush only a tracked document notices edits.
    def track(mapper: Mapper[Any], connection: Connection, state: InstanceState[Any]) -> None:
        _track_attributes(state, names)

    if names:
        for moment in ("after_insert", "after_update"):
            event.listen(mapper, moment, track, raw=True)


def document_attributes(mapper: Mapper[Any]) -> tuple[str, ...]:
    """Return the names of a model's attributes whose type is ``MutableJSON``."""
    return tuple(
        prop.key for prop in mapper.column_attrs if isinstance(prop.columns[0].type, MutableJSON)
    )


def track_documents(model: type[Any], items: Iterable[Any]) -> None:
    """Track edits in the documents of objects whose rows were inserted without a flush."""
    names = document_attributes(inspect(model))
    if names:
        for item in items:
            _track_attributes(inspect(item), names)


def _track_attributes(state: InstanceState[Any], names: Iterable[str]) -> None:
    """Replace the plain documents of an object by tracked ones, which is no change of it."""
    for name in names:
        value = state.dict.get(name)
        if value is not None and not isinstance(value, TrackedDocument):
            value = state.dict[name] = TrackedDocument.coerce(name, value)
            # Mutable's own registry of the objects to mark as changed.
            value._parents[state] = name
