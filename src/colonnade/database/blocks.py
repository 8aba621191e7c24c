"""In charge of the blocks of a session: ``begin()``, ``begin_nested()`` and ``savepoint()``.

Each step of a block passes the session's gate. Savepoints end in the reverse order of their
beginning: one that ended before those inside of it would undo, or keep, what is another's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from types import TracebackType
from typing import Protocol, cast

from sqlalchemy.ext.asyncio import AsyncSessionTransaction
from sqlalchemy.orm import SessionTransaction
from sqlmodel import Session as SyncSession

from colonnade.database.gate import Gate
from colonnade.database.translate import aborted
from colonnade.errors import UsageError

__all__ = ["Block"]


class Owner(Protocol):
    """What a block needs of its session."""

    _gate: Gate
    sync_session: SyncSession

    async def _announce(self) -> None: ...

    def _spoil(self, error: BaseException) -> None: ...


class Block(AsyncSessionTransaction):
    """SQLAlchemy's transaction or savepoint of a session, behind the session's gate."""

    __slots__ = ()

    @property
    def _name(self) -> str:
        return "begin_nested" if self.nested else "begin"

    @property
    def _owner(self) -> Owner:
        return cast(Owner, self.session)

    async def start(self, is_ctxmanager: bool = False) -> AsyncSessionTransaction:
        """Begin; as ``async with`` does."""
        gate = self._owner._gate
        with gate.enter(self._name):
            await super().start(is_ctxmanager)
        if self.nested:
            gate.enter_savepoint()
        return self

    async def commit(self) -> None:
        """COMMIT, then run the callbacks of ``on_commit``; RELEASE for a savepoint."""
        await self._end(super().commit, None)

    async def rollback(self) -> None:
        """ROLLBACK; ROLLBACK TO for a savepoint."""
        await self._end(super().rollback, aborted())

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        leave = super().__aexit__

        async def end() -> None:
            # A flush that failed in it has undone it, and SQLAlchemy would leave in silence.
            undone = self.nested and error is None and self._undone
            await leave(kind, error, trace)
            if undone:
                raise aborted()

        await self._end(end, error)

    async def _end(
        self, end: Callable[[], Awaitable[object]], undoing: BaseException | None
    ) -> None:
        """End the block with ``end``, which undoes it because of ``undoing`` if that is given.

        Where it may not end now, what should be undone is not; so the unit cannot be committed.
        """
        owner = self._owner
        try:
            owner._gate.check(self._name)
            self._demand_innermost()
        except UsageError:
            if undoing is not None:
                owner._spoil(undoing)
            raise
        try:
            with owner._gate.enter(self._name):
                await end()
        finally:
            if not self.nested:
                await owner._announce()

    @property
    def _undone(self) -> bool:
        innermost = self._owner.sync_session.get_nested_transaction()
        return not self.is_active and self.sync_transaction is innermost

    def _demand_innermost(self) -> None:
        """Raise ``UsageError`` if a savepoint that began in this one is still open."""
        mine = self.sync_transaction
        if not self.nested or mine is None:
            return
        innermost = self._owner.sync_session.get_nested_transaction()
        if innermost is not mine and mine in _with_parents(innermost):
            raise UsageError(
                "a savepoint was ended before one that began in it",
                hint="savepoints nest: end each inside of the one that it began in",
            )


def _with_parents(transaction: SessionTransaction | None) -> Iterator[SessionTransaction]:
    while transaction is not None:
        yield transaction
        transaction = transaction.parent
