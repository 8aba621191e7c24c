"""Open a session by ``async with`` and end it, whatever happens in the block.

The place in the pool is taken by the first statement, so entering the block waits for nothing.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Final, Generic, TypeVar

from colonnade.engine.abandoned import Opening
from colonnade.engine.admission import find_running_loop
from colonnade.engine.commits import Outcome
from colonnade.engine.pool import Pool
from colonnade.errors import SessionShared
from colonnade.scope import Bindings
from colonnade.session.misuse import UnopenedSession
from colonnade.session.session import Session
from colonnade.session.turns import Turn, Turns
from colonnade.settings import Unit

__all__ = ["Transaction"]

S = TypeVar("S", bound=Session)

#: The running tasks of ``_end``. The event loop has only weak references to its tasks.
_ENDING: Final[set[asyncio.Task[None]]] = set()


class Transaction(UnopenedSession, Generic[S]):
    """The block of a unit of work or a reader: ``async with`` opens the session and ends it.

    At the end it commits or rolls back, closes the session, gives its place back, and then runs the
    callbacks of ``on_commit``.
    """

    __slots__ = ("_bindings", "_bound", "_kind", "_opening", "_pool", "_unit", "session")

    session: S

    def __init__(
        self,
        kind: type[S],
        pool: Pool,
        unit: Unit,
        bound: Turns | None,
        bindings: Bindings,
        opening: Opening,
    ) -> None:
        self._opening = opening
        self._kind = kind
        self._pool = pool
        self._unit = unit
        self._bound = bound
        self._bindings = bindings

    async def __aenter__(self) -> S:
        pool, opening, bound = self._pool, self._opening, self._bound
        opening.loop = pool.loop
        opening.admission = pool.gate if bound is None else Turn(bound)
        bind = pool.engine if bound is None else bound.connection
        self.session = self._kind(bind, pool.dialect, pool.where, self._unit, self._bindings)
        self.session._opening = opening
        return self.session

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            try:
                if error is None:
                    await self._complete()
                else:
                    await self._fail()
            finally:
                self._leave()
        except BaseException as failure:
            self.annotate(failure)
            raise
        finally:
            if error is not None:
                self.annotate(error)
            await self._announce()

    async def _announce(self) -> None:
        """Run the callbacks of every COMMIT that succeeded, whatever came after it."""
        try:
            await self.session._announce()
        except BaseException as failure:
            self.annotate(failure)
            raise

    @property
    def unknown(self) -> bool:
        """True if a COMMIT of this unit was not answered."""
        return self._outcome.unknown

    @property
    def lasting(self) -> bool:
        """True if a part of the unit is committed for good."""
        return self._outcome.partly_stored

    @property
    def _outcome(self) -> Outcome:
        return self.session._outcome

    def annotate(self, error: BaseException) -> None:
        """Add notes to an error that ends the unit: what is stored in spite of it."""
        self._outcome.annotate(error)

    async def settle(self) -> None:
        """Run the callbacks of a COMMIT that was not answered and did happen."""
        self.session._callbacks.settle_doubt()
        await self._announce()

    async def _complete(self) -> None:
        try:
            if self.session.busy:
                raise SessionShared(
                    "the unit of work ended while another task still used its session",
                    hint="await the tasks that use a session before its block ends",
                )
            await self.session._finish()
            await self.session.close()
        except BaseException:
            await self._fail()
            raise

    async def _fail(self) -> None:
        """End the session after a failure, also if this task is cancelled again.

        The rollback must not stop half way, so it runs in a task of its own, which goes on when
        this task stops waiting for it.
        """
        if find_running_loop() is None:
            # The coroutine is destroyed after its loop was closed. The session's ``__del__`` gives
            # the connection back.
            return
        ending = asyncio.create_task(self._end())
        _ENDING.add(ending)
        ending.add_done_callback(_ENDING.discard)
        await asyncio.shield(ending)

    async def _end(self) -> None:
        try:
            await self.session._abort()
        finally:
            # Also here, since ``__aexit__`` does not go on if its coroutine is destroyed.
            self._leave()

    def _leave(self) -> None:
        """Give back the place, if that was not done with the connection.

        Without a running loop the connection is still in use; the session's ``__del__`` gives both
        back.
        """
        if find_running_loop() is not None:
            self._opening.leave()
