"""Give a session the methods of ``AsyncSession``: each passes its gate.

After those of a reader its connection goes back to the pool.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol, TypeVar

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession as PlainAsyncSession
from sqlmodel.ext.asyncio.session import AsyncSession

from colonnade._compat.sqlalchemy_session import has_changes, streamed_result
from colonnade.database.gate import Gate
from colonnade.database.translate import translate

__all__ = ["give_back_after", "guard", "guard_reads"]

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., object])


class Guarded(Protocol):
    """The part of a session that its guarded methods use."""

    _gate: Gate


def guard(session: type[Any]) -> None:
    """Set the methods of ``AsyncSession`` on the class ``session``, each behind the gate."""
    for name, method in _METHODS.items():
        setattr(session, name, _passing(method, name))
    for name in _SYNCHRONOUS:
        setattr(session, name, _checked(getattr(AsyncSession, name), name))


class Reading(Guarded, Protocol):
    """What the methods need of a reader."""

    _lent: bool

    def _follow(self, stream: Any) -> None: ...

    async def _give_back(self) -> None: ...


def guard_reads(reader: type[Any]) -> None:
    """Let the class, whose methods pass the gate, give its connection back after each."""
    for name in _READS:
        setattr(reader, name, give_back_after(getattr(reader, name), name))
    for name in ("stream", "stream_scalars"):
        setattr(reader, name, give_back_after(_followed(getattr(reader, name)), name))
    reader.connection = _lending(reader.connection)


def give_back_after(method: Callable[..., Awaitable[T]], name: str) -> Callable[..., Awaitable[T]]:
    """Return the reader's method, which gives the connection back, also where it fails."""

    async def call(self: Reading, /, *args: Any, **options: Any) -> T:
        with self._gate.enter(name):
            try:
                found = await method(self, *args, **options)
            except GeneratorExit:  # the event loop is ending, and nothing can be awaited
                raise
            except BaseException:
                await self._give_back()
                raise
            await self._give_back()
            return found

    return _named(call, method, name)


def _followed(method: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T]]:
    async def call(self: Reading, /, *args: Any, **options: Any) -> T:
        stream = await method(self, *args, **options)
        self._follow(streamed_result(stream))
        return stream

    return _named(call, method, method.__name__)


def _lending(method: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T]]:
    async def call(self: Reading, /, *args: Any, **options: Any) -> T:
        connection = await method(self, *args, **options)
        self._lent = True
        return connection

    return _named(call, method, "connection")


def _passing(method: Callable[..., Awaitable[T]], name: str) -> Callable[..., Awaitable[T]]:
    """Wrap a method that runs statements: it enters the gate while it runs."""

    async def call(self: Guarded, /, *args: Any, **options: Any) -> T:
        with self._gate.enter(name):
            return await method(self, *args, **options)

    return _named(call, method, name)


def _named(call: F, method: Callable[..., object], name: str) -> F:
    """Give a wrapper the name and the docstring of the method that it wraps."""
    call.__name__ = name
    call.__qualname__ = f"Session.{name}"
    call.__doc__ = method.__doc__ or f"``{name}`` of SQLModel's ``AsyncSession``."
    return call


def _checked(method: Callable[..., T], name: str) -> Callable[..., T]:
    """Wrap a method that runs no statement: it raises if another task is inside of the gate."""

    def call(self: Guarded, /, *args: Any, **options: Any) -> T:
        self._gate.check(name)
        try:
            return method(self, *args, **options)
        except SQLAlchemyError as error:
            raise translate(error, self._gate.where) or error from error

    return _named(call, method, name)


async def _flush(self: Any, objects: Any = None) -> None:
    """Write pending changes to the database. Without any, run nothing."""
    if objects is not None or (self._half is not None and has_changes(self._half)):
        await AsyncSession.flush(self, objects)


#: ``execute`` is that of SQLAlchemy: SQLModel's only adds a deprecation warning, which its own
#: ``scalars`` sets off too.
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

#: Those after which a reader needs its connection no more: SQLAlchemy has fetched every row.
_READS: Final = ("exec", "execute", "get", "get_one", "refresh", "run_sync", "scalar", "scalars")

#: Methods that run no statement. They are refused too while another task is inside the gate: what
#: this task added would be written by the flush of the other.
_SYNCHRONOUS: Final = (
    "add",
    "add_all",
    "expire",
    "expire_all",
    "expunge",
    "expunge_all",
    "is_modified",
)
