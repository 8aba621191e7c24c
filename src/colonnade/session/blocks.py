"""Guard the blocks of a session: ``begin()``, ``begin_nested()`` and ``savepoint()``.

Each step of a block passes the session's gate. Savepoints must end in the reverse order of their
beginning: an outer one that ended first would also undo, or keep, the work of those inside it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from types import TracebackType
from typing import Protocol, cast

from sqlalchemy.ext.asyncio import AsyncSessionTransaction
from sqlalchemy.orm import SessionTransaction
from sqlmodel import Session as SyncSession

from colonnade.driver_errors.translate import aborted_error
from colonnade.errors import UsageError
from colonnade.session.gate import Gate

__all__ = ["GuardedTransaction"]


class BlockOwner(Protocol):
    """The part of a session that its blocks use."""

    _gate: Gate
    sync_session: SyncSession

    async def _announce(self) -> None: ...

    def _forbid_commit(self, error: BaseException) -> None: ...


class GuardedTransaction(AsyncSessionTransaction):
    """SQLAlchemy's transaction or savepoint of a session, behind the session's gate."""

    __slots__ = ()

    @property
    def _name(self) -> str:
        return "begin_nested" if self.nested else "begin"

    @property
    def _owner(self) -> BlockOwner:
        return cast(BlockOwner, self.session)

    async def start(self, is_ctxmanager: bool = False) -> AsyncSessionTransaction:
        """Begin the transaction or the savepoint, as ``async with`` does."""
        gate = self._owner._gate
        with gate.enter(self._name):
            await super().start(is_ctxmanager)
        if self.nested:
            gate.enter_savepoint()
        return self

    async def commit(self) -> None:
        """Send COMMIT and run the callbacks of ``on_commit``; send RELEASE for a savepoint."""
        await self._end(super().commit, None)

    async def rollback(self) -> None:
        """Send ROLLBACK, or ROLLBACK TO for a savepoint."""
        await self._end(super().rollback, aborted_error())

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        leave = super().__aexit__

        async def end() -> None:
            # A flush that failed has rolled this savepoint back already. SQLAlchemy would leave the
            # block without an error, as if its work were kept.
            undone = self.nested and error is None and self._is_rolled_back
            await leave(kind, error, trace)
            if undone:
                raise aborted_error()

        await self._end(end, error)

    async def _end(
        self, end: Callable[[], Awaitable[object]], undoing: BaseException | None
    ) -> None:
        """End the block by awaiting ``end``.

        ``undoing`` is the error for which ``end`` rolls the block back, None if it does not. Raises
        ``UsageError`` if the block may not end now. What should have been rolled back is then still
        there, so the unit is marked: it can no longer be committed.
        """
        owner = self._owner
        try:
            owner._gate.check(self._name)
            self._check_innermost()
        except UsageError:
            if undoing is not None:
                owner._forbid_commit(undoing)
            raise
        try:
            with owner._gate.enter(self._name):
                await end()
        finally:
            if not self.nested:
                await owner._announce()

    @property
    def _is_rolled_back(self) -> bool:
        """True if this savepoint is the innermost one and has been rolled back."""
        innermost = self._owner.sync_session.get_nested_transaction()
        return not self.is_active and self.sync_transaction is innermost

    def _check_innermost(self) -> None:
        """Raise ``UsageError`` if a savepoint that began in this one is still open."""
        mine = self.sync_transaction
        if not self.nested or mine is None:
            return
        innermost = self._owner.sync_session.get_nested_transaction()
        if innermost is not mine and mine in _iterate_enclosing(innermost):
            raise UsageError(
                "a savepoint was ended before one that began in it",
                hint="savepoints nest: end each inside of the one that it began in",
            )


def _iterate_enclosing(transaction: SessionTransaction | None) -> Iterator[SessionTransaction]:
    """Yield the transaction and those around it, the innermost first."""
    while transaction is not None:
        yield transaction
        transaction = transaction.parent
