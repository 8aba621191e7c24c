"""Admit sessions to the connections: as many at once as there are connections.

A session has a place for as long as it has a connection: a unit of work from its first statement to
the end of its transaction, a reader for a statement. The others wait in the order in which they
came. A session with a place always finds a free connection, so nobody waits inside of SQLAlchemy's
pool, and every wait has the same limit and the same error. The admission knows which tasks hold a
place and wait for another one, so it reports a deadlock of such tasks at once.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from contextvars import ContextVar
from types import FrameType
from typing import Final, Protocol

from sqlalchemy import Connection

from colonnade.errors import DatabaseError, PoolDeadlock, PoolTimeout

__all__ = ["Admission", "Lease", "Lender", "calling_frame", "describe_caller", "find_running_loop"]


class Lender(Protocol):
    """Lends places to sessions: an ``Admission``, or a ``Turn`` at one shared connection."""

    debug: bool

    def enter_now(self, place: str | None = None) -> Lease | None: ...

    async def enter(
        self, place: str | None = None, turn: asyncio.Future[None] | None = None
    ) -> Lease: ...

    def give_back(self, lease: Lease) -> None: ...


class Lease:
    """A place that a session holds: since when, by which task and, in development, from where."""

    __slots__ = ("active", "admission", "connection", "place", "since", "task", "waits_for")

    def __init__(self, admission: Lender, place: str | None) -> None:
        self.admission = admission
        self.place = place
        self.task = asyncio.current_task()
        self.since = time.monotonic()
        self.waits_for: Admission | None = None
        self.active = True
        #: The unit's connection. The reference keeps it alive until it is given back.
        self.connection: Connection | None = None

    def release(self) -> None:
        """Give the place back, to the session that waits longest. A second call does nothing."""
        if self.active:
            self.active = False
            # Without this there is a cycle: a task refers to its context, and that to its leases.
            self.task = self.connection = None
            self.admission.give_back(self)

    def release_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """Release the place from any thread; ``loop`` is that of the admission."""
        if loop is find_running_loop():
            self.release()
        elif not loop.is_closed():
            loop.call_soon_threadsafe(self.release)

    def __str__(self) -> str:
        age = f"{time.monotonic() - self.since:.1f} s"
        return f"{age} (taken at {self.place})" if self.place else age


#: The leases that this context's tasks took. It is never reset, since a unit may end in another
#: context than that of its first statement; ``Lease.active`` tells which are over.
_HELD: Final[ContextVar[tuple[Lease, ...]]] = ContextVar("colonnade_held", default=())


class Admission:
    """A fair gate for ``capacity`` sessions; not for more than one event loop."""

    def __init__(self, capacity: int, timeout: float, *, name: str, debug: bool = False) -> None:
        self.capacity = capacity
        self.timeout = timeout
        self.name = name
        self.debug = debug
        self.leases: set[Lease] = set()
        self._queue: deque[asyncio.Future[None]] = deque()
        self._promised = 0

    @property
    def waiting(self) -> int:
        """The number of sessions that wait for a place."""
        return len(self._queue)

    @property
    def longest(self) -> float:
        """The seconds for which the oldest lease has been held; 0.0 if there is none."""
        return max((time.monotonic() - lease.since for lease in self.leases), default=0.0)

    def enter_now(self, place: str | None = None) -> Lease | None:
        """Return a lease if a place is free and nobody waits for it, else None.

        ``place`` is the line of code that asks, for messages.
        """
        if self._queue or not self._free:
            return None
        return self._lend(_held_here(), place)

    async def enter(
        self, place: str | None = None, turn: asyncio.Future[None] | None = None
    ) -> Lease:
        """Return a lease, at once or in turn.

        Raises ``PoolTimeout`` after ``timeout`` seconds, and ``PoolDeadlock`` at once when every
        place is held by a task that itself waits. The wait is for the future ``turn``, if given;
        an exception that its owner sets on it is raised.
        """
        return await self._enter(self.timeout, place, turn)

    async def _enter(
        self,
        timeout: float | None,
        place: str | None = None,
        turn: asyncio.Future[None] | None = None,
    ) -> Lease:
        held = _held_here()
        if place is None and self.debug:
            place = describe_caller()
        if self._queue or not self._free:
            await self._wait_for_turn(
                held, timeout, turn or asyncio.get_running_loop().create_future()
            )
        return self._lend(held, place)

    def _lend(self, held: tuple[Lease, ...], place: str | None) -> Lease:
        lease = Lease(self, place)
        self.leases.add(lease)
        _HELD.set((*held, lease))
        return lease

    @property
    def _free(self) -> int:
        """The number of places that nobody holds and nobody was promised."""
        return self.capacity - len(self.leases) - self._promised

    async def _wait_for_turn(
        self, held: tuple[Lease, ...], timeout: float | None, future: asyncio.Future[None]
    ) -> None:
        """Wait until a place is promised to this unit, which must take it before it awaits."""
        task = asyncio.current_task()
        # Leases of other tasks of this context are left out: those tasks run on, and may give back.
        mine = [lease for lease in held if lease.task is task and lease.waits_for is None]
        self._queue.append(future)
        for lease in mine:
            lease.waits_for = self
        try:
            # Only a task that holds a place itself can close a circle of waiting tasks.
            if mine and _is_deadlocked(self):
                raise self._refusal(PoolDeadlock, held)
            async with asyncio.timeout(timeout):
                await future
        except TimeoutError:
            # A place that was promised at the last moment is taken all the same.
            if not _holds_promise(future):
                raise self._refusal(PoolTimeout, held) from None
        except BaseException:
            # Cancelled after the promise: the place goes to the next one in the queue.
            if _holds_promise(future):
                self._promised -= 1
                self._promise_free_places()
            raise
        finally:
            for lease in mine:
                lease.waits_for = None
            if future in self._queue:
                self._queue.remove(future)
        self._promised -= 1

    def give_back(self, lease: Lease) -> None:
        """End a lease, and promise its place to the session that waits longest."""
        self.leases.discard(lease)
        self._promise_free_places()

    def _promise_free_places(self) -> None:
        """Promise the free places to the sessions that wait longest.

        A promised place counts as taken until its session has run and taken it: in between another
        session could take it past the queue.
        """
        while self._free and self._queue:
            future = self._queue.popleft()
            if not future.done():
                self._promised += 1
                future.set_result(None)

    def _refusal(self, kind: type[PoolTimeout], held: tuple[Lease, ...]) -> DatabaseError:
        oldest = sorted(self.leases, key=lambda lease: lease.since)
        out = ", ".join(str(lease) for lease in oldest[:5])
        more = f" and {len(oldest) - 5} more" if len(oldest) > 5 else ""
        if kind is PoolDeadlock:
            message = f"all {self.capacity} {self.name} are held by tasks that wait for another one"
        else:
            message = (
                f"no place among {self.capacity} {self.name} became free in {self.timeout:g} s; "
                f"in use for {out}{more}; {self.waiting} waiting"
            )
        hints = []
        if held:
            hints.append("this task holds one already: pass its session on, do not open a second")
        if not self.debug:
            hints.append("Database(…, debug=True) tells where each was taken")
        elif kind is PoolDeadlock:
            hints.append(f"in use for {out}{more}")
        return kind(message, hint="; ".join(hints) or "raise pool_size, or shorten the units")


def _held_here() -> tuple[Lease, ...]:
    """Return the places that this context's tasks hold."""
    return tuple(lease for lease in _HELD.get() if lease.active)


def _holds_promise(future: asyncio.Future[None]) -> bool:
    """Return whether a place was promised to the owner of the future, also if it gave up since."""
    return future.done() and not future.cancelled() and future.exception() is None


def _is_deadlocked(gate: Admission) -> bool:
    """Return whether every holder of a place that a waiter at ``gate`` depends on waits itself.

    It follows the leases to the admissions at which their tasks wait. If any admission has a free
    place, or any holder does not wait, the wait can end.
    """
    seen: set[Admission] = set()
    ahead = [gate]
    while ahead:
        admission = ahead.pop()
        if admission in seen:
            continue
        seen.add(admission)
        if len(admission.leases) < admission.capacity:
            return False
        for lease in admission.leases:
            if lease.waits_for is None:
                return False
            ahead.append(lease.waits_for)
    return True


def find_running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the event loop that runs in this thread, if one does."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


#: Packages whose frames lie between the code that opens a session and this module.
_LIBRARIES: Final = frozenset(
    {"asyncio", "colonnade", "contextlib", "sqlalchemy", "sqlmodel", "stamina"}
)


def calling_frame(depth: int) -> FrameType:
    """Return the first frame outside of the libraries, from ``depth`` frames above the caller."""
    frame = sys._getframe(depth + 1)
    while (
        frame.f_back is not None
        and frame.f_globals.get("__name__", "").partition(".")[0] in _LIBRARIES
    ):
        frame = frame.f_back
    return frame


def describe_caller() -> str:
    """Return the file, line and function of the code that asks for a place."""
    frame = calling_frame(1)
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"
