"""Build an engine, with the listeners that every engine of the library has.

The listeners keep promises at the lowest level, so that they hold however the engine is used:
connecting has a limit, a dead connection is replaced before it is used, a connection with an open
transaction never goes back into the pool, a statement has a limit also where the driver has none,
every COMMIT is judged, and a driver's error is raised as one of ours.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, event, exc
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import await_only

from colonnade.dialects.dialect import (
    GRACE_SECONDS,
    LAST_USED,
    PLAIN_UNIT,
    UNIT_OPTION,
    Dialect,
    Watchdog,
    driver_of,
    set_watchdog,
)
from colonnade.dialects.exact_types import store_exactly
from colonnade.dialects.postgresql import keep_commit_answer
from colonnade.dialects.statement_memory import limit_compiled
from colonnade.driver_errors.refused import refused_columns, written_table
from colonnade.driver_errors.translate import ErrorContext, translate_error
from colonnade.engine.commits import Commits
from colonnade.engine.direct import lend_idle_connections
from colonnade.engine.failed_transaction import (
    clear_failure,
    failure_of,
    forget_failure,
    mark_failed,
    raise_if_failed,
)
from colonnade.engine.repeats import warn_repeated
from colonnade.engine.write_lock import queue_writers
from colonnade.errors import ColonnadeError, CommitUnknown, InvalidStatement, InvalidValue
from colonnade.scope import install_scopes

__all__ = ["build_engine"]


def build_engine(dialect: Dialect, metadata: MetaData) -> AsyncEngine:
    """Return an engine for the running event loop. It does not connect yet."""
    settings, reading = dialect.settings, dialect.reading
    own = settings.reader_pool_size if reading else None
    engine = create_async_engine(
        dialect.sqlalchemy_url(),
        connect_args=dialect.connect_args(),
        pool_size=own or settings.pool_size,
        max_overflow=0 if own else settings.max_overflow,
        pool_timeout=settings.pool_timeout,
        pool_recycle=settings.pool_recycle,
        # The connection that was used last is the least likely to be dead.
        pool_use_lifo=True,
        # A transaction that was left open is found at check-in without a round trip; see
        # _guard_pool.
        pool_reset_on_return=None,
        skip_autocommit_rollback=reading,
        hide_parameters=True,
        echo=settings.echo,
        **dialect.engine_options(),
    )
    sync = engine.sync_engine
    store_exactly(sync.dialect)
    watchdog = set_watchdog(sync, dialect)
    commits = Commits(sync, dialect, ErrorContext(metadata, reading=reading))
    _limit_connecting(sync, dialect, metadata)
    _guard_pool(sync, dialect, commits)
    _limit_statements(sync, dialect, commits, watchdog)
    _limit_endings(sync, dialect, watchdog)
    commits.wrap_do_commit()
    _translate_errors(sync, metadata, commits, reading=reading)
    dialect.add_listeners(sync)
    queue_writers(sync, dialect)
    install_scopes(sync.dialect)
    limit_compiled(sync)
    if settings.warn_repeated is not None:
        warn_repeated(sync, settings.warn_repeated)
    _limit_setup(sync, dialect, watchdog)
    if dialect.can_fetch:
        lend_idle_connections(sync)
    return engine


def _limit_connecting(engine: Engine, dialect: Dialect, metadata: MetaData) -> None:
    """Limit the time of the whole handshake; the drivers' own limits cover parts of it.

    Errors are translated here: SQLAlchemy's ``handle_error`` gets those of the driver only, and not
    a ``TimeoutError`` or an ``OSError``.
    """
    if not dialect.has_handshake:
        return
    where = ErrorContext(metadata, connecting=True, reading=dialect.reading)

    def bounded(connect: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
        async def creator(*args: Any, **options: Any) -> Any:
            try:
                async with asyncio.timeout(dialect.settings.connect_timeout):
                    return await connect(*args, **options)
            except Exception as error:
                answer = translate_error(error, where)
                if answer is None:
                    raise
                raise answer from error

        return creator

    @event.listens_for(engine, "do_connect")
    def _connect(_dialect: Any, _record: Any, _args: Any, options: dict[str, Any]) -> None:
        driver = engine.dialect.dbapi.driver  # type: ignore[union-attr] # async dialects wrap one
        if driver.__name__ == "asyncpg":
            options["connection_class"] = keep_commit_answer(driver.Connection)
        connect = driver.AsyncConnection.connect if driver.__name__ == "psycopg" else driver.connect
        options["async_creator_fn"] = bounded(connect)


def _limit_setup(engine: Engine, dialect: Dialect, watchdog: Watchdog) -> None:
    """Limit the time of the statements that SQLAlchemy and we send to set a connection up."""

    @event.listens_for(engine, "connect", insert=True)
    def _begin(adapted: Any, _record: Any) -> None:
        watchdog.start(adapted.driver_connection, dialect.settings.connect_timeout)

    @event.listens_for(engine, "connect")
    def _end(adapted: Any, _record: Any) -> None:
        watchdog.stop(adapted.driver_connection)


def _guard_pool(engine: Engine, dialect: Dialect, commits: Commits) -> None:
    """Let no dead connection out of the pool, and none with an open transaction back in.

    A ping at every checkout would cost a round trip each. Of a connection that was used a moment
    ago only the socket is checked, which needs none.
    """
    idle = dialect.settings.idle_check

    @event.listens_for(engine, "checkout")
    def _leave(adapted: Any, record: Any, _proxy: Any) -> None:
        used = record.info.get(LAST_USED)
        if used is None:
            return
        driver = adapted.driver_connection
        if not dialect.is_open(driver):
            raise exc.DisconnectionError("the connection was closed while it was idle")
        if time.monotonic() - used > idle:
            try:
                await_only(dialect.ping(driver))
            except Exception as error:
                # Whatever the error, the connection is of no use, and the pool makes another. It is
                # cut: an orderly close would wait for a frozen server.
                dialect.abort(driver)
                raise exc.DisconnectionError("the idle connection does not answer") from error

    @event.listens_for(engine, "checkin")
    def _return(adapted: Any, record: Any) -> None:
        record.info[LAST_USED] = time.monotonic()
        forget_failure(record)
        commits.forget_session(record)
        if adapted is not None and dialect.in_transaction(adapted.driver_connection):
            record.invalidate()


def _limit_statements(
    engine: Engine, dialect: Dialect, commits: Commits, watchdog: Watchdog
) -> None:
    """End each statement at its limit, and refuse statements after one that failed.

    This wraps the driver's call in the dialect's events (``do_execute``). The connection's events,
    such as ``before_cursor_execute``, would do too, but with them SQLAlchemy prepares far more for
    each statement.
    """
    plain = dialect.statement_limit(PLAIN_UNIT)
    execute = engine.dialect.do_execute
    execute_many = dialect.execute_many(engine)
    execute_bare = engine.dialect.do_execute_no_params

    def watched(call: Callable[..., None], statement: str, context: Any, *args: Any) -> bool:
        connection: Connection = context.root_connection
        # The one statement that makes sense after a failure.
        undoing = statement.startswith("ROLLBACK TO")
        if not dialect.reading and not undoing:
            raise_if_failed(connection)
        options = connection.get_execution_options()
        unit = options.get(UNIT_OPTION)
        limit = plain if unit is None else dialect.statement_limit(unit)
        driver = driver_of(connection.connection)
        outer = None if limit is None else watchdog.start(driver, limit)
        try:
            if dialect.reading:
                call(*args, context)
            else:
                autocommit = options.get("isolation_level") == "AUTOCOMMIT"
                commits.run_statement(
                    connection, statement, autocommit, lambda: call(*args, context)
                )
        finally:
            if limit is not None:
                watchdog.stop(driver, outer)
        if undoing:
            clear_failure(connection)
        return True

    @event.listens_for(engine, "do_execute")
    def _execute(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
        return watched(execute, statement, context, cursor, statement, parameters)

    @event.listens_for(engine, "do_executemany")
    def _execute_many(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
        return watched(execute_many, statement, context, cursor, statement, parameters)

    @event.listens_for(engine, "do_execute_no_params")
    def _execute_bare(cursor: Any, statement: str, context: Any) -> bool:
        return watched(execute_bare, statement, context, cursor, statement)


def _limit_endings(engine: Engine, dialect: Dialect, watchdog: Watchdog) -> None:
    """End a ROLLBACK or a close that a frozen server does not answer.

    SQLAlchemy also sends them by itself, and has no events for their end, so the dialect's methods
    are wrapped. The session has a limit of its own above this one, but it can only cancel, and a
    driver that is cancelled talks to the frozen server again.
    """

    def watched(call: Callable[[Any], None], limit: float, own: bool) -> Callable[[Any], None]:
        def ending(connection: Any) -> None:
            driver = connection.driver_connection if own else driver_of(connection)
            outer = watchdog.start(driver, limit)
            try:
                call(connection)
            except Exception:
                if own:
                    # The driver said goodbye to a server that is gone, and kept its socket open.
                    dialect.abort(driver)
                raise
            finally:
                watchdog.stop(driver, outer)

        return ending

    limits = {"do_close": GRACE_SECONDS}
    if dialect.commit_limit is not None:
        limits["do_rollback"] = dialect.commit_limit - GRACE_SECONDS
    for name, limit in limits.items():
        # ``do_close`` gets SQLAlchemy's adapter of the driver's connection, ``do_rollback`` the
        # pool's proxy of that adapter.
        own = name == "do_close"
        setattr(engine.dialect, name, watched(getattr(engine.dialect, name), limit, own))


def _translate_errors(
    engine: Engine, metadata: MetaData, commits: Commits, *, reading: bool
) -> None:
    """Replace errors of the driver by the library's own, and mark the transaction as failed."""

    @event.listens_for(engine, "handle_error")
    def _answer(context: ExceptionContext) -> ColonnadeError | None:
        if _is_expected(context):
            return None
        original, connection = context.original_exception, context.connection
        # An error of ours, raised while the parameters were prepared: nothing was sent.
        prepared = isinstance(original, ColonnadeError)
        if isinstance(original, ColonnadeError) and not isinstance(original, InvalidValue):
            return original
        table = written_table(context, metadata)
        where = ErrorContext(
            metadata,
            connecting=connection is None,
            reading=reading,
            disconnected=context.is_disconnect,
            executing=context.execution_context is not None,
            table=None if table is None else table.name,
            columns=partial(refused_columns, context, table),
        )
        answer = translate_error(context.sqlalchemy_exception or original, where)
        answer = commits.judge_error(original, answer)
        if isinstance(answer, CommitUnknown):
            # The state of the connection is unknown, so it must not go back into the pool.
            context.is_disconnect = True
        if connection is not None and not reading and not prepared:
            if isinstance(answer, InvalidStatement) and _ends_savepoint(context.statement):
                # An earlier failure, such as a deadlock on MySQL and MariaDB, removed the
                # savepoint. The cause says more than the missing savepoint.
                answer = failure_of(connection) or answer
            mark_failed(connection, original, answer)
        return answer


def _ends_savepoint(statement: str | None) -> bool:
    return statement is not None and statement.startswith(("ROLLBACK TO", "RELEASE"))


def _is_expected(context: ExceptionContext) -> bool:
    """Return whether SQLAlchemy expects this error, and takes it for an answer.

    MySQL's dialect finds out with DESCRIBE whether a table exists. It sets an execution option for
    that, which SQLAlchemy itself reads for the events of a connection only.
    """
    execution = context.execution_context
    return execution is not None and "skip_user_error_events" in execution.execution_options
