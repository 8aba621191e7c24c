"""Let sessions that share one connection take turns, as in a test that is rolled back.

Each session has a savepoint. Savepoints of one connection nest: the end of one also ends those that
began inside of it. So a session may begin inside of another one only if its code runs inside of the
other's block, as the code under test does inside of a fixture's. Sessions of tasks that run side by
side wait for each other.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextvars import ContextVar
from typing import Any, Final
from weakref import ref

from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.engine.admission import Lease
from colonnade.errors import PoolTimeout

__all__ = ["Turn", "Turns"]

#: The turns of the sessions in whose blocks this context's task runs. It is never reset, since a
#: block may end in another context than it began in; a session that has ended has no turn.
_INSIDE: Final[ContextVar[tuple[ref[Turn], ...]]] = ContextVar("colonnade_turns", default=())


class Turns:
    """A connection that sessions share, the turns that have begun, and those that wait."""

    def __init__(self, connection: AsyncConnection, timeout: float, *, debug: bool) -> None:
        self.connection = connection
        self.timeout = timeout
        self.debug = debug
        #: The turns that have begun, the outermost first: each began inside of the one before.
        self.begun: list[Turn] = []
        self.waiting: deque[_Waiter] = deque()

    def end(self, turn: Turn) -> None:
        """End a turn, and begin the longest waiting one that may begin now."""
        self.begun.remove(turn)
        for waiter in self.waiting:
            if waiter.may_begin():
                self.waiting.remove(waiter)
                self.begun.append(waiter.turn)
                waiter.future.set_result(None)
                return


class Turn:
    """The turn of one session at the shared connection; a ``Lender`` in place of an admission."""

    def __init__(self, turns: Turns) -> None:
        """Record that the code of this context runs inside of the session's block."""
        self.turns = turns
        self.debug = turns.debug
        self.task = asyncio.current_task()
        _INSIDE.set((*(inside for inside in _INSIDE.get() if inside() is not None), ref(self)))

    def enter_now(self, place: str | None = None) -> Lease | None:
        """Return a lease if the session may begin now."""
        turns = self.turns
        queued = turns.waiting and not turns.begun
        if queued or not _Waiter(self).may_begin():
            return None
        turns.begun.append(self)
        return Lease(self, place)

    async def enter(
        self, place: str | None = None, turn: asyncio.Future[None] | None = None
    ) -> Lease:
        """Return a lease in turn. Raises ``PoolTimeout``, and what ``turn`` fails with."""
        turns = self.turns
        waiter = _Waiter(self, turn)
        turns.waiting.append(waiter)
        try:
            async with asyncio.timeout(turns.timeout):
                await waiter.future
        except TimeoutError:
            if waiter in turns.waiting:  # or its turn began at the last moment
                raise PoolTimeout(
                    "another task's session has had the connection that all share for more than "
                    f"{turns.timeout:g} s",
                    hint="end that session before this one asks for something, or open this one "
                    "inside of its block",
                ) from None
        except BaseException:
            if waiter not in turns.waiting:
                turns.end(self)
            raise
        finally:
            if waiter in turns.waiting:
                turns.waiting.remove(waiter)
        return Lease(self, place)

    def give_back(self, lease: Lease) -> None:
        """End the turn."""
        self.turns.end(self)


class _Waiter:
    """A request for a turn: its task, and the sessions in whose blocks the task runs."""

    def __init__(self, turn: Turn, future: asyncio.Future[None] | None = None) -> None:
        self.turn = turn
        self.future: asyncio.Future[Any] = future or asyncio.get_running_loop().create_future()
        self._inside = tuple(inside() for inside in _INSIDE.get())
        self._task = asyncio.current_task()

    def may_begin(self) -> bool:
        """Return whether no turn has begun, or this one would begin inside of the last."""
        begun = self.turn.turns.begun
        if self.future.done():  # it was cancelled, or told that its session is closed
            return False
        if not begun:
            return True
        last = begun[-1]
        # The task may have ended, as that of a fixture: then nothing runs beside this one.
        ended = last.task is None or last.task.done()
        return ended or last.task is self._task or last in self._inside
