"""In charge of ending statements that outlive their limit, at next to no cost for the others.

A timer per statement would be set and cancelled thousands of times for each one that fires. Here
one timer waits for the earliest deadline that there was when it was set; most statements are long
over when it fires, and it is set again only while something runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

__all__ = ["Watchdog"]


class Watchdog:
    """Calls ``abort(connection)`` once for each connection whose statement is overdue."""

    def __init__(self, abort: Callable[[Any], None]) -> None:
        self._abort = abort
        self._deadlines: dict[Any, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def start(self, connection: Any, limit: float) -> None:
        """A statement begins that may take ``limit`` seconds."""
        loop = asyncio.get_running_loop()
        deadline = self._deadlines[connection] = loop.time() + limit
        if self._timer is None or deadline < self._timer.when():
            self._set(loop, deadline)

    def stop(self, connection: Any) -> None:
        """The statement is over, one way or the other."""
        self._deadlines.pop(connection, None)

    def _set(self, loop: asyncio.AbstractEventLoop, deadline: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(deadline, self._sweep, loop)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        overdue = [connection for connection, due in self._deadlines.items() if due <= now]
        for connection in overdue:
            self.stop(connection)
            self._abort(connection)
        if self._deadlines:
            self._set(loop, min(self._deadlines.values()))
