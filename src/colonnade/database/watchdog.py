"""End statements that take longer than their limit, at next to no cost for the others.

A timer for each statement would be set and cancelled thousands of times for each time it fires.
Here a single timer waits for the earliest deadline. Most statements are over long before it fires;
then it is set again only if others still run.
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
        """Record that a statement begins which may take ``limit`` seconds."""
        loop = asyncio.get_running_loop()
        deadline = self._deadlines[connection] = loop.time() + limit
        if self._timer is None or deadline < self._timer.when():
            self._set(loop, deadline)

    def stop(self, connection: Any) -> None:
        """Record that the statement is over."""
        self._deadlines.pop(connection, None)

    def _set(self, loop: asyncio.AbstractEventLoop, deadline: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(deadline, self._sweep, loop)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """Abort the overdue connections, and set the timer for the next deadline."""
        self._timer = None
        now = loop.time()
        overdue = [connection for connection, due in self._deadlines.items() if due <= now]
        for connection in overdue:
            self.stop(connection)
            self._abort(connection)
        if self._deadlines:
            self._set(loop, min(self._deadlines.values()))
