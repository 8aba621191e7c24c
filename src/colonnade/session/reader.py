"""Read without a transaction: ``Reader``, a session that cannot write.

It has a place in the pool and a connection while one of its statements runs, and neither in
between. So code that reads, waits for something else and reads again blocks nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final, NoReturn
from weakref import WeakSet

from sqlalchemy import Connection, Engine, Executable
from sqlalchemy.engine import Result
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.orm import ORMExecuteState, SessionTransaction, SessionTransactionOrigin
from sqlalchemy.util import greenlet_spawn
from sqlmodel import Session as SyncSession

from colonnade._compat.sqlalchemy_compiled import has_listeners
from colonnade._compat.sqlalchemy_pool import Entry
from colonnade._compat.sqlalchemy_session import is_read
from colonnade.dialects.dialect import PLAIN_UNIT
from colonnade.engine import PreparedSelect
from colonnade.engine.direct import fetch_directly, take_connection
from colonnade.engine.rows import fetch_rows, has_cursor_listeners, has_orm_listeners
from colonnade.engine.shortcut import Rows, Shortcut, execute_and_cache, fetch_through, shortcut_of
from colonnade.errors import ConnectionLost, ReadOnlySession, StatementCancelled
from colonnade.session.gate import give_back_after, guard_reads
from colonnade.session.session import Session
from colonnade.session.sync_session import HookedSyncSession

__all__ = ["Reader"]


#: A session that nobody uses: it shows which listeners were added to the class.
_TYPICAL: Final = HookedSyncSession()


class Reader(Session):
    """A session that cannot write, opened by ``Database.reader``.

    Each statement is its own: there is no BEGIN and no ROLLBACK, and neither a lock nor a
    connection is held between statements. Only ``connection()`` and a snapshot keep one to the end,
    and a stream while it is read. Reading again refreshes the objects that were read before. Every
    way to write is refused with ``ReadOnlySession``, by the database too.
    """

    sync_session_class: type[SyncSession] = HookedSyncSession
    _writes: ClassVar[bool] = False
    #: The pool's record of the connection that a statement of this reader runs on directly.
    _taken: Entry | None = None
    #: Whether that connection was broken, because the session ends while the statement runs.
    _cut_off = False
    #: Whether ``connection()`` has handed the connection out.
    _lent = False
    #: The results that streams read from, as long as anybody holds them.
    _streams: WeakSet[Result[Any]] | None = None

    _rows_of_session = give_back_after(Session.rows, "rows")

    async def rows(
        self, statement: PreparedSelect | Executable, parameters: Mapping[str, Any] | None = None
    ) -> Rows:
        """Return every row of a SELECT of columns. One statement.

        A prepared SELECT takes the shortest of three ways: directly on an idle connection, without
        a greenlet; through the driver's ``fetch``; through SQLAlchemy, the first time it runs.
        """
        if not isinstance(statement, PreparedSelect) or not self._runs_alone():
            return await self._rows_of_session(statement, parameters)
        with self._gate.enter("rows"):
            engine: Any = self._opened_on.sync_engine  # ``_runs_alone`` saw that it is an engine
            scoped = self._scoping.rows_options(engine, statement, self._connection)
            if self._connection is None and not has_cursor_listeners(engine):
                shortcut = shortcut_of(engine, statement, scoped)
                if shortcut is not None:
                    values = shortcut.values(parameters or {}, scoped)
                    opening = self._opening
                    if opening is not None and not opening.enter():
                        await opening.wait()
                    entry = take_connection(engine, self._dialect)
                    if entry is not None:
                        return await self._fetch_directly(engine, entry, shortcut, values)
            return await greenlet_spawn(self._fetch, engine, statement, parameters or {}, scoped)

    async def _fetch_directly(
        self, engine: Engine, entry: Entry, shortcut: Shortcut, values: list[Any]
    ) -> Rows:
        self._taken = entry
        try:
            return await fetch_directly(engine, self._dialect, entry, shortcut, values)
        except ConnectionLost as lost:
            if not self._cut_off:
                raise
            # The connection was broken by us: another task closed the session.
            raise StatementCancelled(
                "the session was closed while this statement ran",
                hint="await the tasks that use a session before its block ends",
            ) from lost
        finally:
            self._taken = None
            self._leave_place()

    def _fetch(self, *statement: Any) -> Rows:
        self._take_place()
        try:
            return self._fetch_rows(*statement)
        finally:
            self._statement_ended()

    def _fetch_rows(
        self,
        engine: Engine,
        statement: PreparedSelect,
        parameters: Mapping[str, Any],
        scoped: Mapping[str, Any],
    ) -> Rows:
        """Return the rows, over a connection for this statement only if the session has none."""
        held = self._connection
        if held is not None and (held.closed or held.invalidated):
            held = None
        if has_cursor_listeners(engine) or (held is not None and has_listeners(held)):
            return fetch_rows(self.sync_session, statement, parameters, scoped)
        shortcut = shortcut_of(engine, statement, scoped)
        if shortcut is None:
            return execute_and_cache(self.sync_session.connection(), statement, parameters, scoped)
        if held is not None:
            return fetch_through(held, self._dialect, shortcut, parameters, scoped)
        with engine.connect() as connection:
            self._connection = connection
            try:
                return fetch_through(connection, self._dialect, shortcut, parameters, scoped)
            finally:
                self._connection = None

    def _runs_alone(self) -> bool:
        """Return whether statements need no transaction, and nobody listens for the ORM's events.

        Not so for a snapshot, with execution options, on another bind, or in a test's connection.
        """
        if not (self._dialect.can_fetch and self._unit is PLAIN_UNIT):
            return False
        half = self._half
        if half is None:
            return isinstance(self._opened_on, AsyncEngine) and not has_orm_listeners(_TYPICAL)
        return (
            self.bind is self._opened_on
            and not half.execution_options
            and not has_orm_listeners(half)
        )

    @property
    def _at_work(self) -> bool:
        return self._unit.snapshot and super()._at_work

    async def _break_connection(self) -> None:
        if self._taken is not None:
            self._cut_off = True
            self._dialect.abort(self._taken.driver_connection)
        else:
            await super()._break_connection()

    async def _finish(self) -> None:
        """Do nothing: a reader has nothing to commit."""

    def _statement_ended(self) -> None:
        if (transaction := self._idle_transaction()) is not None:
            # ``close`` and not ``rollback``, which would expire every object.
            transaction.close()

    async def _give_back(self) -> None:
        """Give back the connection of the last statement, unless it is still needed."""
        if (transaction := self._idle_transaction()) is not None:
            await greenlet_spawn(transaction.close)

    def _idle_transaction(self) -> SessionTransaction | None:
        """Return the transaction whose connection can be given back, or None.

        Without a transaction the place in the pool is given back here.
        """
        half = self._half
        transaction = None if half is None else half.get_transaction()
        if half is None or transaction is None:
            self._leave_place()
            return None
        kept = (
            self._lent
            or self._unit.snapshot
            or isinstance(self._opened_on, AsyncConnection)
            or transaction.origin is not SessionTransactionOrigin.AUTOBEGIN
            or half.in_nested_transaction()
            or any(not is_read(result) for result in self._streams or ())
        )
        return None if kept else transaction

    def _leave_place(self) -> None:
        self._lent = False
        self._connection = None
        super()._leave_place()

    def _record_stream(self, stream: Result[Any]) -> None:
        if self._streams is None:
            self._streams = WeakSet()
        self._streams.add(stream)

    def _about_to_execute(self, state: ORMExecuteState) -> None:
        super()._about_to_execute(state)
        if state.is_insert or state.is_update or state.is_delete:
            raise _read_only_error("write")
        # Read again what the session holds, which may be stale. Where nothing is held, nothing is.
        told = "populate_existing" in state.execution_options
        if (
            state.is_orm_statement
            and not (state.is_relationship_load or told)
            and self.identity_map
        ):
            state.update_execution_options(populate_existing=True)

    def _prepare_transaction(self, connection: Connection) -> None:
        # The options of a unit apply to a transaction; only a snapshot has one.
        if self._unit.snapshot:
            super()._prepare_transaction(connection)
        else:
            self._record_connection(connection)


def _read_only_error(operation: str) -> ReadOnlySession:
    return ReadOnlySession(
        f"a reader has no {operation}(): it cannot write",
        hint="open a unit of work: async with db.session()",
    )


def _refuse_method(name: str) -> Callable[..., NoReturn]:
    def call(self: Reader, /, *args: Any, **options: Any) -> NoReturn:
        raise _read_only_error(name)

    call.__name__ = name
    call.__qualname__ = f"Reader.{name}"
    call.__doc__ = "Refused: a reader cannot write."
    return call


_WRITES: Final = ("add", "add_all", "commit", "delete", "delete_all", "flush", "merge", "merge_all")
for _name in _WRITES:
    setattr(Reader, _name, _refuse_method(_name))
guard_reads(Reader)
