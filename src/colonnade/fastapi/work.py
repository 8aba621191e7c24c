"""In charge of what one request does with its database: one unit of work, or one reader.

Every service of the request shares it. A request that writes anywhere reads from its own unit, so
that it sees what it wrote; who only reads holds no transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

from colonnade.database import Database, Session
from colonnade.errors import UsageError
from colonnade.scope import Bindings

__all__ = ["Work"]


class Work:
    """The sessions of one request, opened when first asked for, ended together.

    At the end of the block the unit commits, or rolls back if the block raised.
    """

    __slots__ = ("_db", "_open", "_reader", "_scope", "_stack", "_unit", "_writes")

    def __init__(self, db: Database, *, writes: bool) -> None:
        self._db = db
        self._writes = writes
        self._stack = AsyncExitStack()
        self._unit: Session | None = None
        self._reader: Session | None = None
        self._open: list[Session] = []
        self._scope: dict[str, Any] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def unit(self) -> Session:
        """The request's unit of work."""
        if self._unit is None:
            session = await self._stack.enter_async_context(self._db.session(scope=self._scope))
            self._open.append(session)
            self._unit = session
        return self._unit

    async def reader(self) -> Session:
        """A reader, or the request's unit if it has one."""
        if self._reader is not None:
            return self._reader
        if self._writes or self._unit is not None:
            return await self.unit()
        reader = await self._stack.enter_async_context(self._db.reader(scope=self._scope))
        self._open.append(reader)
        self._reader = reader
        return reader

    async def bind(self, scope: Mapping[str, Any]) -> None:
        """Give every session of the request these values, those that are open already too.

        Raises ``UsageError`` if the request has another value for one of the scopes, or there is no
        such scope, and ``InvalidOperand`` for a value that does not fit the scope's column.
        """
        Bindings().binding(scope)
        for name, value in scope.items():
            if self._scope.get(name, value) != value:
                raise UsageError(
                    f"two dependencies of a request give the scope {name!r} different values"
                )
        self._scope |= scope
        for session in self._open:
            await self._stack.enter_async_context(session.scoped(**self._scope))
