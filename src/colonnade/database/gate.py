"""In charge of what every awaiting method of a session passes: one task at a time, our errors."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Final

from sqlalchemy.orm import SessionTransaction

from colonnade.database.translate import Circumstances, translate
from colonnade.errors import ColonnadeError, SessionClosed, SessionShared

__all__ = ["Gate"]

_HINT: Final = "give each task a session of its own: async with db.session()"


class _Savepoint:
    """A savepoint that is open, and the task that opened it."""

    __slots__ = ("open", "task", "transaction")

    def __init__(self, transaction: SessionTransaction) -> None:
        self.transaction = transaction
        self.task = _current_task()
        self.open = True

    def admits(self, task: asyncio.Task[Any] | None) -> bool:
        """Return whether ``task`` is inside: it opened the savepoint, or began in its block.

        A task that has ended, as that of a test's fixture, has nobody left to disagree with.
        """
        return self.task is None or self.task is task or self.task.done() or self in _INSIDE.get()


#: The savepoints whose blocks this context's task began in; never reset, since a block may end in
#: another context than it began in. A savepoint that is over says so itself.
_INSIDE: Final[ContextVar[tuple[_Savepoint, ...]]] = ContextVar("colonnade_inside", default=())


class Gate:
    """Refuses a session that is closed or in use by another task, and translates what is raised.

    ``with gate.enter("flush"): …``; the same task may pass again inside.
    """

    __slots__ = ("_depth", "_freed", "_savepoints", "closed", "operation", "task", "where")

    def __init__(self, where: Circumstances) -> None:
        self.where = where
        self._depth = 0
        self._freed: asyncio.Future[None] | None = None
        self._savepoints: list[_Savepoint] = []
        self.closed = False
        self.operation: str | None = None
        self.task: asyncio.Task[Any] | None = None

    def check(self, operation: str, *, ending: bool = False) -> asyncio.Task[Any] | None:
        """Raise ``SessionClosed`` or ``SessionShared`` if ``operation`` may not run now.

        What another task does in a savepoint would be undone with it, so the session is that
        task's until the savepoint ends; only the session's own end (``ending``) does not wait.
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
        """Note that this task has opened a savepoint."""
        self._savepoints.append(_Savepoint(transaction))

    def enter_savepoint(self) -> None:
        """Let the tasks that begin in this context from now on use the innermost savepoint."""
        if self._savepoints:
            still = (savepoint for savepoint in _INSIDE.get() if savepoint.open)
            _INSIDE.set((*still, self._savepoints[-1]))

    def close_savepoint(self, transaction: SessionTransaction) -> None:
        """Note that a savepoint has ended, one way or the other."""
        for savepoint in self._savepoints:
            if savepoint.transaction is transaction:
                savepoint.open = False
                self._savepoints.remove(savepoint)
                return

    async def freed(self, limit: float) -> None:
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
            answer = translate(error, self.where)
            if answer is not None:
                raise answer from error


def _current_task() -> asyncio.Task[Any] | None:
    """The running task; None outside of an event loop, where methods that await nothing may be."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
