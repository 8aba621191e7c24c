"""Keep the ``on_commit`` callbacks of a session, and run each once after its COMMIT.

They run in the order in which they were added. Those that were added in a savepoint are dropped
when it is rolled back. After a COMMIT that was not answered they wait until it is known to have
happened.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

from sqlalchemy.orm import SessionTransaction

from colonnade.dialects.dialect import FINISHING_SECONDS

__all__ = ["Callback", "Callbacks"]

Callback: TypeAlias = Callable[[], Awaitable[object] | object]

_log: Final = logging.getLogger("colonnade")


class Callbacks:
    """The callbacks of one session: waiting, due, or in doubt after an unanswered COMMIT."""

    __slots__ = ("_doubtful", "_due", "_marks", "_waiting")

    def __init__(self) -> None:
        self._waiting: list[Callback] = []
        self._due: list[Callback] = []
        self._doubtful: list[Callback] = []
        self._marks: dict[SessionTransaction, int] = {}

    def add(self, callback: Callback) -> None:
        """Add a callback that waits for the next COMMIT."""
        self._waiting.append(callback)

    def mark_savepoint(self, savepoint: SessionTransaction) -> None:
        """Record that a savepoint begins; its rollback drops the callbacks added after this."""
        self._marks[savepoint] = len(self._waiting)

    def drop_rolled_back(self, savepoint: SessionTransaction | None) -> None:
        """Drop the callbacks added since ``savepoint`` began; all that wait if it is None."""
        del self._waiting[0 if savepoint is None else self._marks[savepoint] :]

    def make_due(self) -> None:
        """Make the waiting callbacks due, after a COMMIT that succeeded."""
        self._due += self._waiting
        self._waiting = []

    def set_in_doubt(self) -> None:
        """Set the waiting callbacks aside, after a COMMIT that was not answered."""
        self._doubtful += self._waiting
        self._waiting = []

    def settle_doubt(self) -> None:
        """Make the callbacks in doubt due: the COMMIT that was not answered did happen."""
        self._due += self._doubtful
        self._doubtful = []

    async def run_due(self) -> None:
        """Run each due callback once; one that fails does not stop the others.

        An error is logged and not raised. A cancellation ends the callback that it interrupts,
        which is logged; the others get ``FINISHING_SECONDS`` together, and then the cancellation is
        raised. Any other exception, such as ``SystemExit``, is raised at once, and the callbacks
        that did not run are logged by name.
        """
        cancelled: asyncio.CancelledError | None = None
        deadline: float | None = None
        while self._due:
            callback = self._due.pop(0)
            requests = _count_cancellations()
            try:
                async with asyncio.timeout_at(deadline):
                    outcome = callback()
                    if isinstance(outcome, Awaitable):
                        await outcome
            except asyncio.CancelledError as error:
                if _count_cancellations() == requests:
                    # The callback awaited something that was cancelled; this task was not.
                    _log_unfinished("failed", callback, error)
                    continue
                _log_unfinished("was cancelled before it was done", callback)
                cancelled = error
                if deadline is None:
                    deadline = asyncio.get_running_loop().time() + FINISHING_SECONDS
            except Exception as error:  # noqa: BLE001 # logged: see below
                # The commit happened; a callback that fails must neither hide that nor stop the
                # others.
                _log_unfinished("failed", callback, error)
            except BaseException:
                for left in (callback, *self._due):
                    _log_unfinished("did not run to its end", left)
                self._due = []
                raise
        if cancelled is not None:
            raise cancelled


def _count_cancellations() -> int:
    """Return how often the cancellation of this task was requested."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def _log_unfinished(what: str, callback: Callback, error: BaseException | None = None) -> None:
    """Log that a callback did not run to its end; ``what`` is the verb of the message."""
    _log.error(
        "the on_commit callback %s %s; the commit stands",
        _describe_callback(callback),
        what,
        exc_info=error,
    )


def _describe_callback(callback: Any) -> str:
    """Return where the callback is defined, so that the log's reader can find it."""
    inner = getattr(callback, "func", callback)  # of a functools.partial
    module = getattr(inner, "__module__", type(inner).__module__)
    return f"{module}.{getattr(inner, '__qualname__', type(inner).__qualname__)}"
