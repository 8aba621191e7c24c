"""In charge of what every awaiting method of a session passes: one task at a time, our errors."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any

from colonnade.database.translate import Circumstances, translate
from colonnade.errors import ColonnadeError, SessionClosed, SessionShared

__all__ = ["Gate"]


class Gate:
    """Refuses a session that is closed or in use by another task, and translates what is raised.

    ``with gate.enter("flush"): …``; the same task may pass again inside.
    """

    __slots__ = ("_depth", "_freed", "closed", "operation", "task", "where")

    def __init__(self, where: Circumstances) -> None:
        self.where = where
        self._depth = 0
        self._freed: asyncio.Future[None] | None = None
        self.closed = False
        self.operation: str | None = None
        self.task: asyncio.Task[Any] | None = None

    def enter(self, operation: str) -> Gate:
        """Raise ``SessionClosed`` or ``SessionShared`` if ``operation`` may not run now."""
        if self.closed:
            raise SessionClosed(
                f"session.{operation}() was called after the session's end",
                hint="use the session inside its 'async with' block; streaming and background "
                "work need a session of their own",
            )
        task = asyncio.current_task()
        if self.task is not None and self.task is not task:
            raise SessionShared(
                f"session.{operation}() was called while another task runs "
                f"session.{self.operation}() on the same session",
                hint="give each task a session of its own: async with db.session()",
            )
        self.task = task
        self.operation = operation
        return self

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
