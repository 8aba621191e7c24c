"""Open a database: ``Database`` owns its engines, opens sessions and readers, and closes them."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any, Final, Self, TypedDict, TypeVar, Unpack
from weakref import WeakKeyDictionary

from sqlalchemy import MetaData, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import SQLModel

from colonnade.dialects import dialect_of
from colonnade.dialects.dialect import PLAIN_UNIT
from colonnade.engine import Health, PoolStatus, RepeatedStatement
from colonnade.engine.abandoned import Opening
from colonnade.engine.pool import Pool, Pools
from colonnade.errors import ColonnadeError, CommitUnknown, ConnectionLost, UsageError
from colonnade.mapping import configure, mappers_of
from colonnade.reading import select_into
from colonnade.scope import Bindings
from colonnade.session import Reader, Session
from colonnade.session.misuse import NOT_A_DEPENDENCY
from colonnade.session.retry import CommitLost, repeat_unit
from colonnade.session.session import read_selects_with
from colonnade.session.transaction import Transaction
from colonnade.session.turns import Turns
from colonnade.settings import Settings, Unit, UnitOptions
from colonnade.settings.settings import make_settings, read_environment
from colonnade.settings.url import parse_url

__all__ = [
    "Database",
    "Health",
    "Options",
    "PoolStatus",
    "Reader",
    "RepeatedStatement",
    "Session",
]

# Sessions cannot import ``reading``, which stands above them; this module may import both.
read_selects_with(select_into)

T = TypeVar("T")


class Options(TypedDict, total=False):
    """The settings that ``Database`` takes as keywords; ``Settings`` has the defaults."""

    pool_size: int
    max_overflow: int
    reader_pool_size: int | None
    pool_timeout: float
    pool_recycle: float
    idle_check: float
    connect_timeout: float
    statement_timeout: float | None
    lock_timeout: float | None
    isolation: str | None
    health_timeout: float
    pgbouncer: bool
    application_name: str | None
    cursor_secret: str | None
    warn_repeated: int | None
    echo: bool
    debug: bool


#: The bindings of a session that is given no values for scopes.
_NO_BINDINGS: Final = Bindings()

#: The connection that all sessions of a database use for now, by the ``id`` of the database; see
#: ``Database.bound_to``.
_BOUND_CONNECTIONS: Final[ContextVar[Mapping[int, Turns] | None]] = ContextVar(
    "colonnade_bound", default=None
)


_INTERRUPTED: Final = (
    "verify found the work stored; it was interrupted at a COMMIT of its own, so it has no result"
)


class Database:
    """A database: its address, its settings and its pools; it opens sessions and readers.

    Nothing connects before the first statement. Each event loop gets an engine of its own. An
    SQLite database in memory is kept in a temporary file, since connections to memory would share
    one transaction.

    Raises ``InvalidURL``, ``DriverNotInstalled`` or ``InvalidSetting``, each before any I/O.
    """

    def __init__(
        self,
        url: str | URL,
        *,
        reader_url: str | URL | None = None,
        metadata: MetaData | None = None,
        **options: Unpack[Options],
    ) -> None:
        self._settings = make_settings(**options)
        self._address = parse_url(url)
        self._reader_address = self._address if reader_url is None else parse_url(reader_url)
        self._metadata = SQLModel.metadata if metadata is None else metadata
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Pools] = WeakKeyDictionary()
        self._probes: set[asyncio.Task[ColonnadeError | None]] = set()
        if self._address.in_memory:
            self._move_to_file(shared=reader_url is None)

    @classmethod
    def from_env(
        cls, *, metadata: MetaData | None = None, environ: Mapping[str, str] | None = None
    ) -> Self:
        """Return a database set up by ``DATABASE_URL``, ``DB_POOL_SIZE`` and so on.

        Raises ``InvalidSetting`` when ``DATABASE_URL`` is missing or a variable cannot be read.
        """
        url, reader_url, given = read_environment(environ)
        return cls(url, reader_url=reader_url, metadata=metadata, **given)

    def __repr__(self) -> str:
        return f"Database({str(self._address)!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def family(self) -> str:
        """``"sqlite"``, ``"postgresql"``, ``"mysql"`` (MariaDB too) or the URL's own scheme."""
        return self._address.family

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._settings

    @property
    def metadata(self) -> MetaData:
        """The tables that ``create_all`` creates and that errors are named after."""
        return self._metadata

    @property
    def engine(self) -> AsyncEngine:
        """The engine of the sessions, in the running event loop.

        Connections taken from it directly are not counted by the limit of units at once. Raises
        ``UsageError`` outside of an event loop.
        """
        return self._current_pools().primary.engine

    @property
    def engines(self) -> tuple[AsyncEngine, AsyncEngine]:
        """The engines of the sessions and of the readers, in the running event loop."""
        return self.engine, self._current_readers().engine

    def session(
        self,
        *,
        scope: Annotated[Mapping[str, Any] | None, NOT_A_DEPENDENCY] = None,
        **options: Unpack[UnitOptions],
    ) -> AbstractAsyncContextManager[Session]:
        """Open a unit of work: committed when the block ends, rolled back when it raises.

        ``scope`` has the values for the scopes of models, by name. BEGIN comes with the first
        statement. That waits for a connection up to ``pool_timeout`` seconds, and then raises
        ``PoolTimeout``. The unit holds the connection to its end. Raises ``CommitUnknown`` when
        COMMIT was sent and not answered.
        """
        return self._open_unit(options, _bindings_of(scope))

    def reader(
        self,
        *,
        snapshot: bool = False,
        scope: Annotated[Mapping[str, Any] | None, NOT_A_DEPENDENCY] = None,
    ) -> AbstractAsyncContextManager[Reader]:
        """Open a session that cannot write, on an engine of its own, without a transaction.

        ``scope`` has the values for the scopes of models, by name. With ``snapshot`` all its
        statements see the database at one moment (REPEATABLE READ, READ ONLY), and it holds its
        connection to its end; without, each statement takes one and gives it back. Waits for a
        place among the readers as ``session`` does among the units.
        """
        unit = Unit(snapshot=True, read_only=True) if snapshot else PLAIN_UNIT
        pool = self._current_readers()
        return Transaction(
            Reader, pool, unit, self._bound_connection(), _bindings_of(scope), Opening()
        )

    async def run(
        self,
        work: Callable[[Session], Awaitable[T]],
        *,
        attempts: int = 5,
        timeout: float = 30.0,
        verify: Callable[[Session], Awaitable[bool]] | None = None,
        reconnect: bool = False,
        scope: Mapping[str, Any] | None = None,
        **options: Unpack[UnitOptions],
    ) -> T:
        """Run ``work(session)`` as one unit of work; repeat the whole unit when that is safe.

        Deadlocks, serialization failures and lock time-outs are retried, at most ``attempts``
        times and with no attempt begun after ``timeout`` seconds; with ``reconnect`` also a
        connection that could not be made or broke before COMMIT, as in a failover. A COMMIT that
        was not answered is never retried blindly: ``CommitUnknown`` is raised, unless ``verify``,
        called with a session of its own, tells whether the work is stored. Give the work a unique
        key of its own choosing and look for that key, so that even a late commit cannot double it.
        Once the work has committed a part of itself, nothing is retried: the error is raised, with
        a note that says so.
        """
        bindings = _bindings_of(scope)
        attempt: Transaction[Session] | None = None

        async def once() -> T:
            nonlocal attempt
            attempt = transaction = self._open_unit(options, bindings)
            results: list[T] = []
            try:
                async with transaction as session:
                    results.append(await work(session))
            except CommitUnknown as unknown:
                if verify is None or not transaction.unknown:
                    raise
                await self._verify_commit(verify, unknown, transaction, timeout, scope)
                await transaction.settle()
                if not results:
                    unknown.add_note(_INTERRUPTED)
                    raise
            return results[0]

        def lasting() -> bool:
            return attempt is not None and (attempt.lasting or attempt.unknown)

        return await repeat_unit(
            once, attempts=attempts, timeout=timeout, reconnect=reconnect, lasting=lasting
        )

    async def _verify_commit(
        self,
        verify: Callable[[Session], Awaitable[bool]],
        unknown: CommitUnknown,
        transaction: Transaction[Session],
        timeout: float,
        scope: Mapping[str, Any] | None,
    ) -> None:
        """Return if the COMMIT happened; raise ``CommitLost`` if not, ``unknown`` if in doubt.

        Raises ``ConnectionLost`` in place of ``CommitLost`` if an earlier COMMIT of the unit is
        stored: then the unit must not be repeated.
        """

        async def ask() -> bool:
            async with self.session(scope=scope) as session:
                there = await verify(session)
                # A COMMIT here could go unanswered too, and there is nothing to commit.
                await session.rollback()
                return there

        try:
            there = await repeat_unit(ask, attempts=20, timeout=timeout, reconnect=True)
        except ColonnadeError as error:
            raise unknown from error
        if not there:
            kind = ConnectionLost if transaction.lasting else CommitLost
            lost = kind("the connection broke at COMMIT, and the work was not stored")
            transaction.annotate(lost)
            raise lost

    async def create_all(self) -> None:
        """Create the tables that are missing; for development. Existing ones stay as they are.

        Raises ``InvalidMapping`` when the models do not fit together.
        """
        # Only the models of this metadata: a mistake in another database's models is not raised.
        for models in {mapper.registry for mapper in mappers_of(self._metadata)}:
            configure(models)
        await self._change_tables(self._metadata.create_all)

    async def drop_all(self) -> None:
        """Drop the tables of the metadata with all their rows; for development."""
        await self._change_tables(self._metadata.drop_all)

    async def _change_tables(self, change: Callable[[Any], None]) -> None:
        """Run a change of the tables, such as ``metadata.create_all``, in a unit of its own."""
        async with self.session() as session:
            connection = await session.connection()
            await connection.run_sync(change)

    async def check(self, timeout: float | None = None) -> Health:
        """Ask the database for a sign of life (``SELECT 1`` through a reader). Never raises.

        ``timeout`` is in seconds and counts the wait for a place; ``health_timeout`` by default.
        """
        limit = self._settings.health_timeout if timeout is None else timeout
        begun = time.monotonic()
        # In a task of its own, which is left behind at the limit: cancelling it takes as long as
        # the rollback of a frozen connection.
        probe = asyncio.create_task(self._select_one())
        self._probes.add(probe)
        probe.add_done_callback(self._probes.discard)
        try:
            done, _ = await asyncio.wait((probe,), timeout=limit)
        finally:
            probe.cancel()
        seconds = time.monotonic() - begun
        if not done:
            return Health(False, seconds, "timeout", f"no answer within {limit:g} s")
        error = probe.result()
        if error is not None:
            return Health(False, seconds, error.code, error.message)
        return Health(True, seconds)

    async def _select_one(self) -> ColonnadeError | None:
        """Run ``SELECT 1`` through a reader; return the error, or None."""
        try:
            async with self.reader() as session:
                await session.scalar(text("SELECT 1"))
        except ColonnadeError as error:
            return error
        return None

    def pool(self) -> PoolStatus:
        """Return how busy the pools of the running event loop are. No I/O."""
        pools = self._current_pools()
        return pools.primary.status(pools.readers.status() if pools.readers else None)

    async def close(self) -> None:
        """Close the running loop's connections: idle ones now, the others when their units end.

        Closing twice does no harm. A database that is used again afterwards connects again.
        """
        pools = self._loops.pop(asyncio.get_running_loop(), None)
        if pools is not None:
            await pools.close()

    @asynccontextmanager
    async def bound_to(self, connection: AsyncConnection) -> AsyncGenerator[None]:
        """Open every session and reader of this context on ``connection`` instead of the pool.

        Their COMMIT becomes RELEASE of a savepoint, and their ROLLBACK becomes ROLLBACK TO it. For
        tests that roll everything back. Sessions of tasks that run side by side take turns: from
        the first statement of one to its commit or rollback, or to a reader's end, the others wait,
        up to ``pool_timeout``.
        """
        settings = self._settings
        turns = Turns(connection, settings.pool_timeout, debug=settings.debug)
        token = _BOUND_CONNECTIONS.set({**(_BOUND_CONNECTIONS.get() or {}), id(self): turns})
        try:
            yield
        finally:
            _BOUND_CONNECTIONS.reset(token)

    def _open_unit(self, options: UnitOptions, bindings: Bindings) -> Transaction[Session]:
        unit = Unit(**options) if options else PLAIN_UNIT
        pool = self._current_pools().primary
        return Transaction(Session, pool, unit, self._bound_connection(), bindings, Opening(2))

    def _bound_connection(self) -> Turns | None:
        bound = _BOUND_CONNECTIONS.get()
        return None if bound is None else bound.get(id(self))

    def _current_pools(self) -> Pools:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise UsageError(
                "a database is used inside an event loop only", hint="await it in a coroutine"
            ) from None
        pools = self._loops.get(loop)
        if pools is None:
            # An engine's timers refer to its loop, so the weak dictionary keeps closed loops.
            for gone in [known for known in tuple(self._loops) if known.is_closed()]:
                self._loops.pop(gone, None)
            dialect = dialect_of(self._address, self._settings, reading=False)
            pools = self._loops[loop] = Pools(Pool(dialect, self._metadata))
        return pools

    def _current_readers(self) -> Pool:
        """Return the readers' pool of the running event loop, made at its first use."""
        pools = self._current_pools()
        if pools.readers is not None:
            return pools.readers
        dialect = dialect_of(self._reader_address, self._settings, reading=True)
        return pools.add_readers(Pool(dialect, self._metadata))

    def _move_to_file(self, *, shared: bool) -> None:
        """Put an SQLite database in memory into a temporary file; readers too if ``shared``."""
        folder = tempfile.mkdtemp(prefix="colonnade-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        path = str(Path(folder, "memory.db"))
        self._address = parse_url(URL.create("sqlite", database=path))
        if shared:
            self._reader_address = self._address


def _bindings_of(scope: Mapping[str, Any] | None) -> Bindings:
    return _NO_BINDINGS if scope is None else _NO_BINDINGS.binding(scope)
