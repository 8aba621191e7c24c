"""Dicts and lists that mark their row as changed when they are edited, at any depth.

SQLAlchemy's ``MutableDict`` and ``MutableList`` notice edits at the top only. Here every container
knows the one that it is in, and an edit is passed on up to the one that the row holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any, Self, SupportsIndex, TypeVar

from sqlalchemy.ext.mutable import Mutable
from typing_extensions import override

__all__ = ["Document", "TrackedDict", "TrackedList"]

_Method = TypeVar("_Method", bound=Callable[..., Any])


class Document(Mutable):
    """A dict or list in a JSON column, or inside of another one there.

    A container that is put into a document is copied, so that each has one owner. If a document is
    shared by two rows, or edited after its removal, this costs at most a needless UPDATE.
    """

    #: The container that this one is in; None for what the column itself holds.
    _owner: Document | None = None

    @classmethod
    @override
    def coerce(cls, key: str, value: Any) -> Any:
        if value is None or isinstance(value, Document):
            return value
        if isinstance(value, dict | list):
            return _tracked(value, None)
        raise ValueError(f"{key} must be a dict, a list or None, not {type(value).__name__}")

    @override
    def changed(self) -> None:
        """Mark every row that holds this container, itself or in another, as changed."""
        super().changed()
        if self._owner is not None:
            self._owner.changed()


def _noticing(method: _Method) -> _Method:
    """Return a method of dict or list that also marks the row as changed."""

    @wraps(method)
    def edit(self: Document, *args: Any, **kwargs: Any) -> Any:
        result = method(self, *args, **kwargs)
        self.changed()
        return result

    return edit  # type: ignore[return-value]  # the same signature, through wraps


class TrackedDict(Document, dict[str, Any]):
    """A dict of JSON values whose edits mark the row as changed."""

    def __init__(self, value: Mapping[str, Any], owner: Document | None = None) -> None:
        super().__init__({name: _tracked(item, self) for name, item in value.items()})
        self._owner = owner

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, _tracked(value, self))
        self.changed()

    @override
    def setdefault(self, name: str, default: Any = None) -> Any:
        if name not in self:
            self[name] = default
        return self[name]

    @override
    def update(self, *args: Any, **kwargs: Any) -> None:
        for name, value in dict(*args, **kwargs).items():
            super().__setitem__(name, _tracked(value, self))
        self.changed()

    def __ior__(self, other: Any) -> Self:  # type: ignore[override,misc]  # dict has overloads
        self.update(other)
        return self

    __delitem__ = _noticing(dict.__delitem__)
    clear = _noticing(dict.clear)
    pop = _noticing(dict.pop)
    popitem = _noticing(dict.popitem)

    # Without the owner and the row, which would be pickled or copied along otherwise.
    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        return TrackedDict, (dict(self),)


class TrackedList(Document, list[Any]):
    """A list of JSON values whose edits mark the row as changed."""

    def __init__(self, value: Iterable[Any], owner: Document | None = None) -> None:
        super().__init__(_tracked(item, self) for item in value)
        self._owner = owner

    def __setitem__(self, index: Any, value: Any) -> None:
        several = isinstance(index, slice)
        super().__setitem__(
            index, [_tracked(item, self) for item in value] if several else _tracked(value, self)
        )
        self.changed()

    @override
    def append(self, value: Any) -> None:
        super().append(_tracked(value, self))
        self.changed()

    @override
    def extend(self, values: Iterable[Any]) -> None:
        super().extend([_tracked(value, self) for value in values])
        self.changed()

    @override
    def insert(self, index: SupportsIndex, value: Any) -> None:
        super().insert(index, _tracked(value, self))
        self.changed()

    def __iadd__(self, values: Iterable[Any]) -> Self:  # type: ignore[misc]  # __add__ is list's
        self.extend(values)
        return self

    def __imul__(self, times: SupportsIndex) -> Self:
        self[:] = list(self) * times
        return self

    __delitem__ = _noticing(list.__delitem__)
    clear = _noticing(list.clear)
    pop = _noticing(list.pop)
    remove = _noticing(list.remove)
    reverse = _noticing(list.reverse)
    sort = _noticing(list.sort)

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        return TrackedList, (list(self),)


def _tracked(value: Any, owner: Document | None) -> Any:
    """Return a tracked copy of a dict, list or tuple; any other value as it is."""
    if isinstance(value, dict):
        return TrackedDict(value, owner)
    if isinstance(value, list | tuple):
        return TrackedList(value, owner)
    return value
