"""In charge of what waits for a commit: kept in order, dropped with what is undone, run once."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from sqlalchemy.orm import SessionTransaction

__all__ = ["Callback", "Callbacks"]

Callback: TypeAlias = Callable[[], Awaitable[object] | object]

_log: Final = logging.getLogger("colonnade")


class Callbacks:
    """The callbacks of one session."""

    __slots__ = ("_due", "_marks", "_waiting")

    def __init__(self) -> None:
        self._waiting: list[Callback] = []
        self._due: list[Callback] = []
        self._marks: dict[SessionTransaction, int] = {}

    def add(self, callback: Callback) -> None:
        """One more that waits for the next commit."""
        self._waiting.append(callback)

    def mark(self, savepoint: SessionTransaction) -> None:
        """A savepoint begins: what comes after this goes when it is undone."""
        self._marks[savepoint] = len(self._waiting)

    def undo(self, savepoint: SessionTransaction | None) -> None:
        """Drop what was added since the savepoint began; all that waits for None."""
        del self._waiting[0 if savepoint is None else self._marks[savepoint] :]

    def take(self) -> list[Callback]:
        """What waits, which the commit now being made decides on; nothing waits after that."""
        taken, self._waiting = self._waiting, []
        return taken

    def owe(self, taken: list[Callback]) -> None:
        """These are to be run: their commit succeeded, or may turn out to have."""
        self._due = taken

    async def run(self) -> None:
        """Run what is due, each once, whatever the others do."""
        due, self._due = self._due, []
        for callback in due:
            try:
                outcome = callback()
                if isinstance(outcome, Awaitable):
                    await outcome
            except Exception:  # noqa: BLE001 # logged: see below
                # The commit happened; a callback that fails must neither hide that nor stop the
                # others.
                _log.exception("an on_commit callback failed; the commit stands")
