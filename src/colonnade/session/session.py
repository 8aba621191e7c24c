"""Run one unit of work: ``Session``, SQLModel's ``AsyncSession`` with the same methods.

Each awaiting method passes a gate, which refuses a session that is closed or in use by another task
and raises the driver's errors as ours. SQLAlchemy's own half of the session is made when it is
first needed; a reader that only reads rows never needs it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from weakref import ref

from pydantic import BaseModel
from sqlalchemy import Connection, Executable, RootTransaction, inspect
from sqlalchemy.engine import Result
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.orm import ORMExecuteState
from sqlalchemy.sql.selectable import ForUpdateParameter
from sqlalchemy.util import await_only, greenlet_spawn
from sqlmodel import Session as SyncSession

from colonnade._compat.sqlalchemy_session import SYNC_SESSION_NAMES
from colonnade.dialects.dialect import PLAIN_UNIT, Dialect
from colonnade.driver_errors.translate import ErrorContext
from colonnade.engine import PreparedSelect
from colonnade.engine.abandoned import Opening
from colonnade.engine.callbacks import Callback, Callbacks
from colonnade.engine.commits import Outcome, report_commits_to
from colonnade.engine.repeats import count_for
from colonnade.engine.rows import fetch_rows
from colonnade.errors import ColonnadeError, UsageError
from colonnade.scope import Bindings, ScopePart, has_any_scope
from colonnade.session.batches import StreamsBatches
from colonnade.session.blocks import GuardedTransaction
from colonnade.session.ending import Ending
from colonnade.session.gate import Gate, guard_methods
from colonnade.session.loads import refuse_lazy_load
from colonnade.session.scoping import Scoping, forget_unwritten
from colonnade.session.sync_session import OWNER_KEY, WritingSyncSession, missing_row_error
from colonnade.settings import Settings, Unit

__all__ = ["Session", "read_selects_with", "reading_under"]

S = TypeVar("S", bound=BaseModel)
T = TypeVar("T")


class Session(StreamsBatches, Ending):
    """One unit of work, opened by ``Database.session``, which commits it or rolls it back.

    Nothing expires on commit. Touching what was not loaded raises ``NotLoaded``, use after the
    end ``SessionClosed``, use by two tasks at once ``SessionShared``.
    """

    sync_session_class: type[SyncSession] = WritingSyncSession
    _writes: ClassVar[bool] = True
    _opening: Opening | None = None
    #: How ``read`` fills schemas; see ``read_selects_with``.
    _select_into: ClassVar[Callable[..., Awaitable[list[Any]]]]
    #: How often each SELECT has run, where somebody wants to be warned of it.
    _repeats: Counter[str] | None = None

    def __init__(
        self,
        bind: AsyncEngine | AsyncConnection,
        dialect: Dialect,
        where: ErrorContext,
        unit: Unit,
        bindings: Bindings,
    ) -> None:
        self._opened_on = bind
        self._dialect = dialect
        self._unit = unit
        self._gate = Gate(where)
        self._callbacks = Callbacks()
        self._outcome = Outcome(self._callbacks)
        self._commit_forbidden_by: BaseException | None = None
        self._scoping = Scoping(bindings)
        self._connection: Connection | None = None
        self._transaction: RootTransaction | None = None

    if not TYPE_CHECKING:  # otherwise type checkers would accept every attribute name

        def __getattr__(self, name: str) -> Any:
            """Make SQLAlchemy's half of the session when one of its attributes is first read."""
            if name not in SYNC_SESSION_NAMES:
                kind = type(self).__name__
                raise AttributeError(
                    f"{kind!r} object has no attribute {name!r}", name=name, obj=self
                )
            self._make_half()
            return self.__dict__[name]

    def __del__(self) -> None:
        """Give back the connection and the place of a session that nobody has ended."""
        if self._opening is not None and not self._gate.closed:
            self._opening.give_back(type(self).__name__.lower(), self._dialect)

    def _make_half(self) -> None:
        """Run ``AsyncSession.__init__``, which makes the synchronous session too."""
        bind, unit = self._opened_on, self._unit
        nested = isinstance(bind, AsyncConnection)
        super().__init__(
            bind,
            expire_on_commit=False,
            close_resets_only=False,
            # A weak reference: a cycle of the two would leave sessions to the garbage collector.
            info={OWNER_KEY: ref(self)},
            execution_options=(
                {} if nested or unit is PLAIN_UNIT else self._dialect.execution_options(unit)
            ),
            join_transaction_mode="create_savepoint" if nested else "conditional_savepoint",
            autoflush=self._writes,
        )

    @property
    def family(self) -> str:
        """The database's family: ``"sqlite"``, ``"postgresql"`` or ``"mysql"`` (MariaDB too)."""
        return self._dialect.address.family

    @property
    def settings(self) -> Settings:
        """The settings of the database that opened the session."""
        return self._dialect.settings

    def on_commit(self, callback: Callback) -> None:
        """Run ``callback``, a function or coroutine function without arguments, after the commit.

        It runs once, after the COMMIT that makes the work so far durable succeeded, and with the
        connection given back where the commit ends the unit; never after a rollback, nor after
        the rollback of the savepoint it was registered in. An exception that it raises is logged
        and changes nothing: the data is committed. A task that is cancelled while callbacks run
        still runs those that are left, for at most five seconds; what did not run to its end is
        logged by name.
        """
        self._gate.check("on_commit")
        self._callbacks.add(callback)

    @asynccontextmanager
    async def savepoint(self) -> AsyncGenerator[None]:
        """Run a block that may fail by itself: SAVEPOINT, then RELEASE or ROLLBACK TO.

        If the block raises, its work is undone and the work before it stays. The exception goes on
        to the caller, which may catch it and continue.
        """
        self._gate.check("savepoint")
        nested = self.begin_nested()
        await nested.__aenter__()
        try:
            yield
        except BaseException as error:
            try:
                await nested.__aexit__(type(error), error, error.__traceback__)
            except UsageError:
                raise
            except ColonnadeError:
                # To end a deadlock MySQL rolls back the whole transaction, and the savepoint with
                # it. The first error says more than the one about the missing savepoint.
                if isinstance(error, ColonnadeError):
                    raise error from error.__cause__
                raise
            raise
        await nested.__aexit__(None, None, None)

    def begin(self) -> GuardedTransaction:
        """Begin the transaction now; ``async with session.begin():`` commits at its end.

        The callbacks of ``on_commit`` run after it. Raises ``CommitUnknown`` as ``commit`` does.
        """
        self._gate.check("begin")
        return GuardedTransaction(self)

    def begin_nested(self) -> GuardedTransaction:
        """Begin a savepoint, as an object; ``savepoint()`` is a context manager for the same."""
        self._gate.check("begin_nested")
        return GuardedTransaction(self, nested=True)

    async def run_sync(self, fn: Callable[..., T], *args: Any, **options: Any) -> T:
        """Run ``fn(sync_session, …)`` in a greenlet, where what SQLAlchemy does may block.

        The callbacks of what ``fn`` commits run after it.
        """
        try:
            with self._gate.enter("run_sync"):
                return await super().run_sync(fn, *args, **options)
        finally:
            await self._announce()

    @property
    def scope(self) -> Bindings:
        """The session's values for scopes, and the names of those that are lifted."""
        return self._scoping.bindings

    @asynccontextmanager
    async def scoped(self, **values: Any) -> AsyncGenerator[None]:
        """Bind values for scopes in a block; the values before it hold again after it.

        Flushes at the beginning and at the end. If the block raises, changes that were not flushed
        are dropped. Loaded relations to models with scopes are forgotten at both ends. Raises
        ``UsageError`` for an unknown name, and ``InvalidOperand`` for a value that does not fit the
        scope's column.
        """
        async with self._enter_scope(self.scope.bound_part(values)):
            yield

    @asynccontextmanager
    async def unscoped(self, *names: str) -> AsyncGenerator[None]:
        """Lift the scopes of these names in a block, for reads and for writes.

        Flushes and forgets as ``scoped`` does. Raises ``UsageError`` for an unknown name.
        """
        async with self._enter_scope(self.scope.lifted_part(names)):
            yield

    @asynccontextmanager
    async def _enter_scope(self, part: ScopePart) -> AsyncGenerator[None]:
        await self._flush_under_bindings()
        half = self.sync_session
        try:
            self._scoping.enter_part(half, part)
            yield
            await self._flush_under_bindings()
        except BaseException as error:
            forget_unwritten(half, error)
            raise
        finally:
            self._scoping.leave_part(half, part)

    async def _flush_under_bindings(self) -> None:
        """Flush pending changes while the bindings under which they were made still hold."""
        if self._writes:
            await self.flush()
        self._check_open("scoped")

    async def rows(
        self, statement: PreparedSelect | Executable, parameters: Mapping[str, Any] | None = None
    ) -> Sequence[Sequence[Any]]:
        """Return every row of a SELECT of columns without the ORM: no object is made or refreshed.

        One statement, after a flush of pending changes.
        """
        with self._gate.enter("rows"):
            return await greenlet_spawn(
                fetch_rows,
                self.sync_session,
                statement,
                parameters or {},
                self._scoping.rows_options(
                    self.sync_session.get_bind(), statement, self._connection
                ),
            )

    async def read(
        self,
        statement: Executable,
        *,
        into: type[S],
        depth: int | None = None,
        given: Mapping[str, Any] | None = None,
        **collections: Any,
    ) -> list[S]:
        """Return the rows of a SELECT of your own as objects of a schema.

        Columns fill the fields with their name or label; if the SELECT has a model's objects too,
        they fill the rest. ``depth`` and ``collections`` are those of ``Query.into``; ``given`` has
        the values for the schema's ``Given``, as in ``Projection.given``.
        One statement, one more for each collection in the schema. Raises ``InvalidSchema`` for a
        field that nothing fills, and for a column that no field takes.
        """
        return await self._select_into(self, statement, into, depth, collections, given or {})

    async def refresh(
        self,
        instance: object,
        attribute_names: Iterable[str] | None = None,
        with_for_update: ForUpdateParameter = None,
    ) -> None:
        """Read an object again, or the columns and relations that are named.

        Raises ``NotFound`` if its row is gone.
        """
        names = None if attribute_names is None else tuple(attribute_names)
        with self._gate.enter("refresh"):
            try:
                await super().refresh(instance, names, with_for_update)
            except InvalidRequestError as error:
                raise missing_row_error(instance, self.sync_session) or error from error
            # SQLAlchemy's refresh skips relations of a model to itself, which could be endless.
            for name in inspect(instance).unloaded.intersection(names or ()):
                await greenlet_spawn(getattr, instance, name)

    def _about_to_execute(self, state: ORMExecuteState) -> None:
        refuse_lazy_load(state, self._gate.operation)
        if has_any_scope():
            self._scoping.prepare_statement(state, self._connection)

    def _take_place(self) -> None:
        """Take a place in the pool, in SQLAlchemy's greenlet, unless the session has one."""
        opening = self._opening
        if opening is not None and not opening.enter():
            await_only(opening.wait())

    def _statement_ended(self) -> None:
        """Do nothing: a unit of work keeps its connection to its end. A reader gives it back."""

    def _record_stream(self, stream: Result[Any]) -> None:
        """Do nothing; a reader records here that ``stream`` still needs the connection."""

    def _leave_place(self) -> None:
        """Give the place back, after the connection."""
        if self._opening is not None:
            self._opening.leave()

    def _prepare_transaction(self, connection: Connection) -> None:
        """Prepare a transaction that has just begun: report its COMMITs, apply the options."""
        self._record_connection(connection)
        self._transaction = connection.get_transaction()
        if not isinstance(self._opened_on, AsyncConnection):
            report_commits_to(connection, self._outcome)
        self._dialect.apply_unit(connection, self._unit)

    def _record_connection(self, connection: Connection) -> None:
        """Record the connection that the session has just taken."""
        self._take_place()  # usually it has one; not if SQLAlchemy was called past our methods
        self._connection = connection
        if isinstance(self._opened_on, AsyncConnection):
            return
        if self._opening is not None:
            self._opening.hold(connection)
        if self.settings.warn_repeated is not None:
            self._repeats = Counter() if self._repeats is None else self._repeats
            count_for(connection, self._repeats)

    def _check_open(self, operation: str) -> None:
        if self._gate.closed:
            self._gate.enter(operation)


def read_selects_with(function: Callable[..., Awaitable[list[Any]]]) -> None:
    """Let ``Session.read`` fill schemas with ``function``.

    Reading schemas stands above sessions, so a session cannot import it; ``colonnade.database``,
    which stands above both, calls this once.
    """
    Session._select_into = staticmethod(function)


@asynccontextmanager
async def reading_under(session: Session, bindings: Bindings) -> AsyncGenerator[None]:
    """Read under these bindings in the block, as a stream does that began under them.

    Pending changes are flushed before, under the bindings under which they were made.
    """
    if bindings == session.scope:
        yield
        return
    await session._flush_under_bindings()
    with session._scoping.reading_under(session.sync_session, bindings):
        yield


guard_methods(Session)
