"""In charge of what waits for a commit: kept in order, dropped with what is undone, run once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

from sqlalchemy.orm import SessionTransaction

from colonnade.database.dialect import FINISHING

__all__ = ["Callback", "Callbacks"]

Callback: TypeAlias = Callable[[], Awaitable[object] | object]

_log: Final = logging.getLogger("colonnade")


class Callbacks:
    """The callbacks of one session: those that wait, that are due, and that a doubt concerns."""

    __slots__ = ("_doubtful", "_due", "_marks", "_waiting")

    def __init__(self) -> None:
        self._waiting: list[Callback] = []
        self._due: list[Callback] = []
        self._doubtful: list[Callback] = []
        self._marks: dict[SessionTransaction, int] = {}

    def add(self, callback: Callback) -> None:
        """Add one that waits for the next commit."""
        self._waiting.append(callback)

    def mark(self, savepoint: SessionTransaction) -> None:
        """Note that a savepoint begins: what comes after this goes when it is undone."""
        self._marks[savepoint] = len(self._waiting)

    def undo(self, savepoint: SessionTransaction | None) -> None:
        """Drop what was added since the savepoint began; all that waits for None."""
        del self._waiting[0 if savepoint is None else self._marks[savepoint] :]

    def owe(self) -> None:
        """Note that a commit succeeded: what waited for it is due."""
        self._due += self._waiting
        self._waiting = []

    def doubt(self) -> None:
        """Note that a commit was not answered: what waited for it is due if it happened."""
        self._doubtful += self._waiting
        self._waiting = []

    def settle(self) -> None:
        """Note that the commit that was not answered did happen."""
        self._due += self._doubtful
        self._doubtful = []

    async def run(self) -> None:
        """Run what is due, each once, whatever the others do.

        What fails is logged. A cancellation ends the callback that it meets, which is logged; the
        others still have some seconds, and it is raised when they are done. Any other way out,
        such as ``SystemExit``, is taken at once, and what it leaves undone is logged by name.
        """
        cancelled: asyncio.CancelledError | None = None
        deadline: float | None = None
        while self._due:
            callback = self._due.pop(0)
            requests = _requests()
            try:
                async with asyncio.timeout_at(deadline):
                    outcome = callback()
                    if isinstance(outcome, Awaitable):
                        await outcome
            except asyncio.CancelledError as error:
                if _requests() == requests:
                    # Something that it awaited was cancelled; nobody cancelled this task.
                    _report("failed", callback, error)
                    continue
                _report("was cancelled before it was done", callback)
                cancelled = error
                if deadline is None:
                    deadline = asyncio.get_running_loop().time() + FINISHING
            except Exception as error:  # noqa: BLE001 # logged: see below
                # The commit happened; a callback that fails must neither hide that nor stop the
                # others.
                _report("failed", callback, error)
            except BaseException:
                for left in (callback, *self._due):
                    _report("did not run to its end", left)
                self._due = []
                raise
        if cancelled is not None:
            raise cancelled


def _requests() -> int:
    """How often the cancellation of this task was asked for."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def _report(what: str, callback: Callback, error: BaseException | None = None) -> None:
    _log.error(
        "the on_commit callback %s %s; the commit stands", _name(callback), what, exc_info=error
    )


def _name(callback: Any) -> str:
    """Where the callback is defined, for who has to make up for it."""
    inner = getattr(callback, "func", callback)  # of a functools.partial
    module = getattr(inner, "__module__", type(inner).__module__)
    return f"{module}.{getattr(inner, '__qualname__', type(inner).__qualname__)}"
