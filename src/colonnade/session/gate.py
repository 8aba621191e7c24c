"""Let one task at a time use a session, and translate the errors of its methods.

Every method of a session passes its ``Gate``. ``guard_methods`` wraps those that come from
SQLModel's ``AsyncSession``; ``guard_reads`` also lets a reader give its connection back after each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Final, Protocol, TypeVar

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession as PlainAsyncSession
from sqlalchemy.orm import SessionTransaction
from sqlmodel.ext.asyncio.session import AsyncSession

from colonnade._compat.sqlalchemy_session import has_changes, streamed_result
from colonnade.driver_errors.translate import ErrorContext, translate_error
from colonnade.errors import ColonnadeError, SessionClosed, SessionShared

__all__ = ["Gate", "give_back_after", "guard_methods", "guard_reads"]

_HINT: Final = "give each task a session of its own: async with db.session()"


T = TypeVar("T")


F = TypeVar("F", bound=Callable[..., object])


class Gate:
    """Refuses operations on a session that is closed or in use by another task.

    In ``with gate.enter("flush"): …`` the task is inside until the block ends, and errors of the
    block are raised as ours. The same task may enter again inside.
    """

    __slots__ = ("_depth", "_freed", "_savepoints", "closed", "operation", "task", "where")

    def __init__(self, where: ErrorContext) -> None:
        self.where = where
        self._depth = 0
        self._freed: asyncio.Future[None] | None = None
        self._savepoints: list[_OpenSavepoint] = []
        self.closed = False
        self.operation: str | None = None
        self.task: asyncio.Task[Any] | None = None

    def check(self, operation: str, *, ending: bool = False) -> asyncio.Task[Any] | None:
        """Raise ``SessionClosed`` or ``SessionShared`` if ``operation`` may not run now.

        While a task has a savepoint open the session belongs to that task: a rollback of the
        savepoint would also undo what other tasks did meanwhile. Only the session's own end
        (``ending``) is let in.
        """
        if self.closed:
            raise SessionClosed(
                f"session.{operation}() was called after the session's end",
                hint="use the session inside its 'async with' block; streaming and background "
                "work need a session of their own",
            )
        task = _current_task()
        if self.task is not None and self.task is not task:
            raise SessionShared(
                f"session.{operation}() was called while another task runs "
                f"session.{self.operation}() on the same session",
                hint=_HINT,
            )
        if self._savepoints and not ending and not self._savepoints[-1].admits(task):
            raise SessionShared(
                f"session.{operation}() was called while another task has a savepoint open on the "
                "same session",
                hint=_HINT,
            )
        return task

    def enter(self, operation: str, *, ending: bool = False) -> Gate:
        """Let ``operation`` of this task in. Raises what ``check`` does."""
        self.task = self.check(operation, ending=ending)
        self.operation = operation
        return self

    def open_savepoint(self, transaction: SessionTransaction) -> None:
        """Record that this task has opened a savepoint."""
        self._savepoints.append(_OpenSavepoint(transaction))

    def enter_savepoint(self) -> None:
        """Let the tasks that begin in this context from now on use the innermost savepoint."""
        if self._savepoints:
            still = (savepoint for savepoint in _INSIDE.get() if savepoint.open)
            _INSIDE.set((*still, self._savepoints[-1]))

    def close_savepoint(self, transaction: SessionTransaction) -> None:
        """Record that a savepoint has ended, by RELEASE or by ROLLBACK TO."""
        for savepoint in self._savepoints:
            if savepoint.transaction is transaction:
                savepoint.open = False
                self._savepoints.remove(savepoint)
                return

    async def wait_until_free(self, limit: float) -> None:
        """Wait until no task is inside; ``TimeoutError`` after ``limit`` seconds."""
        if self.task is not None:
            self._freed = asyncio.get_running_loop().create_future()
            async with asyncio.timeout(limit):
                await self._freed

    def __enter__(self) -> None:
        self._depth += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._depth -= 1
        if not self._depth:
            self.task = self.operation = None
            if self._freed is not None and not self._freed.done():
                self._freed.set_result(None)
        if error is not None and not isinstance(error, ColonnadeError):
            answer = translate_error(error, self.where)
            if answer is not None:
                raise answer from error


def guard_methods(session: type[Any]) -> None:
    """Set the methods of ``AsyncSession`` on the class ``session``, each behind the gate."""
    for name, method in _AWAITABLE.items():
        setattr(session, name, _wrap_awaitable(method, name))
    for name in _SYNCHRONOUS:
        setattr(session, name, _wrap_synchronous(getattr(AsyncSession, name), name))


def guard_reads(reader: type[Any]) -> None:
    """Wrap the methods of a reader's class, so that each gives the connection back at its end.

    Not so ``connection()``, which hands the connection out, and a stream that is still read.
    """
    for name in _READS:
        # Past the session's own gate: that of ``give_back_after`` is the same one.
        own = _AWAITABLE.get(name) or getattr(reader, name)
        setattr(reader, name, give_back_after(own, name))
    for name in ("stream", "stream_scalars"):
        setattr(reader, name, give_back_after(_wrap_stream(getattr(reader, name)), name))
    reader.connection = _wrap_connection(reader.connection)


def give_back_after(method: Callable[..., Awaitable[T]], name: str) -> Callable[..., Awaitable[T]]:
    """Wrap a method of a reader: it gives the connection back at its end, also if it raises."""

    async def call(self: GuardedReader, /, *args: Any, **options: Any) -> T:
        with self._gate.enter(name):
            try:
                found = await method(self, *args, **options)
            except GeneratorExit:  # the coroutine is destroyed, and can await nothing any more
                raise
            except BaseException:
                await self._give_back()
                raise
            await self._give_back()
            return found

    return _copy_name(call, method, name)


class GatedSession(Protocol):
    """The part of a session that its guarded methods use."""

    _gate: Gate


class GuardedReader(GatedSession, Protocol):
    """The part of a reader that its guarded methods use."""

    _lent: bool

    def _record_stream(self, stream: Any) -> None: ...

    async def _give_back(self) -> None: ...


class _OpenSavepoint:
    """A savepoint of a session, the task that opened it, and whether it is still open."""

    __slots__ = ("open", "task", "transaction")

    def __init__(self, transaction: SessionTransaction) -> None:
        self.transaction = transaction
        self.task = _current_task()
        self.open = True

    def admits(self, task: asyncio.Task[Any] | None) -> bool:
        """Return whether ``task`` may use the savepoint: it opened it, or began in its block.

        If the task that opened it has ended, as that of a test's fixture, every task may.
        """
        return self.task is None or self.task is task or self.task.done() or self in _INSIDE.get()


#: The savepoints in whose blocks this context's task began. It is never reset, since a block may
#: end in another context than it began in; ``_OpenSavepoint.open`` tells which are over.
_INSIDE: Final[ContextVar[tuple[_OpenSavepoint, ...]]] = ContextVar("colonnade_inside", default=())


def _current_task() -> asyncio.Task[Any] | None:
    """Return the running task; None outside of an event loop, where synchronous methods may run."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def _wrap_stream(method: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T]]:
    """Wrap a method that returns a stream: the reader keeps its connection while that is read."""

    async def call(self: GuardedReader, /, *args: Any, **options: Any) -> T:
        stream = await method(self, *args, **options)
        self._record_stream(streamed_result(stream))
        return stream

    return _copy_name(call, method, method.__name__)


def _wrap_connection(method: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T]]:
    """Wrap ``connection()``: the reader keeps a connection that it has handed out."""

    async def call(self: GuardedReader, /, *args: Any, **options: Any) -> T:
        connection = await method(self, *args, **options)
        self._lent = True
        return connection

    return _copy_name(call, method, "connection")


def _wrap_awaitable(method: Callable[..., Awaitable[T]], name: str) -> Callable[..., Awaitable[T]]:
    """Wrap a method that runs statements: it enters the gate while it runs."""

    async def call(self: GatedSession, /, *args: Any, **options: Any) -> T:
        with self._gate.enter(name):
            return await method(self, *args, **options)

    return _copy_name(call, method, name)


def _copy_name(call: F, method: Callable[..., object], name: str) -> F:
    """Give a wrapper the name and the docstring of the method that it wraps."""
    call.__name__ = name
    call.__qualname__ = f"Session.{name}"
    call.__doc__ = method.__doc__ or f"``{name}`` of SQLModel's ``AsyncSession``."
    return call


def _wrap_synchronous(method: Callable[..., T], name: str) -> Callable[..., T]:
    """Wrap a method that runs no statement: it raises if another task is inside of the gate."""

    def call(self: GatedSession, /, *args: Any, **options: Any) -> T:
        self._gate.check(name)
        try:
            return method(self, *args, **options)
        except SQLAlchemyError as error:
            raise translate_error(error, self._gate.where) or error from error

    return _copy_name(call, method, name)


async def _flush_changes(self: Any, objects: Any = None) -> None:
    """Write pending changes to the database. Without any, run nothing."""
    if objects is not None or (self._half is not None and has_changes(self._half)):
        await AsyncSession.flush(self, objects)


#: ``execute`` is that of SQLAlchemy: SQLModel's only adds a deprecation warning, which its own
#: ``scalars`` sets off too.
_AWAITABLE: Final = {"execute": PlainAsyncSession.execute, "flush": _flush_changes} | {
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

#: The methods after which a reader no longer needs its connection: every row has been fetched.
#: ``scalars`` is not among them, because it calls ``execute``.
_READS: Final = ("exec", "execute", "get", "get_one", "refresh", "run_sync", "scalar")

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
