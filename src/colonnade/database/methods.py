"""In charge of the methods that a session has of ``AsyncSession``: each passes its gate."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession as PlainAsyncSession
from sqlmodel.ext.asyncio.session import AsyncSession

from colonnade._compat.sqlalchemy_session import has_changes
from colonnade.database.gate import Gate

__all__ = ["guard"]

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., object])


class Guarded(Protocol):
    """What the methods need of a session."""

    _gate: Gate


def guard(session: type[Any]) -> None:
    """Give the class the methods of ``AsyncSession``, each behind the gate."""
    for name, method in _METHODS.items():
        setattr(session, name, _passing(method, name))
    for name in _SYNCHRONOUS:
        setattr(session, name, _checked(getattr(AsyncSession, name), name))


def _passing(method: Callable[..., Awaitable[T]], name: str) -> Callable[..., Awaitable[T]]:
    async def call(self: Guarded, /, *args: Any, **options: Any) -> T:
        with self._gate.enter(name):
            return await method(self, *args, **options)

    return _named(call, method, name)


def _named(call: F, method: Callable[..., object], name: str) -> F:
    call.__name__ = name
    call.__qualname__ = f"Session.{name}"
    call.__doc__ = method.__doc__ or f"``{name}`` of SQLModel's ``AsyncSession``."
    return call


def _checked(method: Callable[..., T], name: str) -> Callable[..., T]:
    def call(self: Guarded, /, *args: Any, **options: Any) -> T:
        self._gate.check(name)
        return method(self, *args, **options)

    return _named(call, method, name)


async def _flush(self: Any, objects: Any = None) -> None:
    """Write to the database what waits to be written; without anything, do nothing."""
    if objects is not None or (self._half is not None and has_changes(self._half)):
        await AsyncSession.flush(self, objects)


#: ``execute`` is SQLAlchemy's own: SQLModel's only adds a warning, which its ``scalars`` trips too.
_METHODS: Final = {"execute": PlainAsyncSession.execute, "flush": _flush} | {
    name: getattr(AsyncSession, name)
    for name in (
        "connection",
        "delete",
        "delete_all",
        "exec",
        "get",
        "get_one",
        "merge",
        "merge_all",
        "scalar",
        "scalars",
        "stream",
        "stream_scalars",
    )
}

#: What runs no statement is refused too while another task is inside: what is added now would be
#: written by that task's flush, although this task is about to hear that it may not flush.
_SYNCHRONOUS: Final = (
    "add",
    "add_all",
    "expire",
    "expire_all",
    "expunge",
    "expunge_all",
    "is_modified",
)
