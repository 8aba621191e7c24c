"""Define what differs between databases: ``Dialect``, with the defaults that most of them share.

Every engine has one. Its subclasses know the driver's private parts that no other module should
know: how to see whether a connection is open, to end a running statement, to close without a loop.
A ``Watchdog`` ends statements that take longer than their limit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import URL
from sqlalchemy.pool import PoolProxiedConnection

from colonnade._compat.asyncio_transports import close_transport
from colonnade._compat.sqlalchemy_asyncpg import asyncpg_transport_of
from colonnade.errors import InvalidSetting
from colonnade.settings import Settings, Unit
from colonnade.settings.url import Address

__all__ = [
    "FINISHING_SECONDS",
    "GRACE_SECONDS",
    "LAST_USED",
    "PLAIN_UNIT",
    "UNIT_OPTION",
    "Dialect",
    "Watchdog",
    "driver_of",
    "set_watchdog",
    "watchdog_of",
]


#: The execution option under which a connection carries its unit.
UNIT_OPTION: Final = "colonnade_unit"
#: The key in a pooled connection's ``info`` of the moment at which it was used last.
LAST_USED: Final = "colonnade_used"
#: The unit of a session without options.
PLAIN_UNIT: Final = Unit()

#: Seconds that the client waits beyond a limit that the server keeps. The server's own answer says
#: more; the client's limit is for a peer that does not answer at all.
GRACE_SECONDS: Final = 2.0

#: Seconds that a cancelled task still waits for what must not stop half way: a COMMIT that was
#: sent, and the callbacks of a COMMIT that succeeded.
FINISHING_SECONDS: Final = 5.0


@dataclass(frozen=True)
class Dialect:
    """The database of one engine: its address, its settings, and whether readers use the engine.

    A parameter ``driver`` is the driver's own connection, not SQLAlchemy's.
    """

    address: Address
    settings: Settings
    reading: bool = False

    #: Connecting takes a handshake with a server, which may not answer.
    has_handshake: ClassVar[bool] = True
    #: Every statement begins a transaction, also one without a table.
    begins_with_any_statement: ClassVar[bool] = True

    def sqlalchemy_url(self) -> URL:
        """Return SQLAlchemy's URL. Parameters that need translation go into ``connect_args``."""
        return self.address.url.set(query=dict(self.address.query))

    def connect_args(self) -> dict[str, Any]:
        """Return the arguments of the driver's ``connect`` that are not in the URL."""
        return {}

    def engine_options(self) -> dict[str, Any]:
        """Return further arguments of ``create_engine``: the isolation level of all transactions.

        Readers use AUTOCOMMIT. For units the level takes no round trip: PostgreSQL's drivers send
        it with BEGIN, so that no setting of a server's session reaches other clients of PgBouncer;
        MySQL's set it once for each connection. Either way SQLAlchemy knows which level to restore
        after a unit that had its own.
        """
        if self.reading:
            return {"isolation_level": "AUTOCOMMIT"}
        level = self.settings.isolation
        return {} if level is None else {"isolation_level": level}

    def add_listeners(self, engine: Engine) -> None:
        """Add the listeners that this database needs to ``engine``."""

    def execute_many(self, engine: Engine) -> Callable[..., None]:
        """Return the function that sends a statement with many sets of parameters.

        It has the signature of SQLAlchemy's ``do_executemany``.
        """
        return engine.dialect.do_executemany

    def is_open(self, driver: Any) -> bool:
        """Return whether the connection is open, as far as can be told without I/O."""
        return not driver.is_closed()

    def in_transaction(self, driver: Any) -> bool:
        """Return whether the server has a transaction open on the connection, without I/O."""
        return bool(driver.is_in_transaction())

    def has_failed_transaction(self, driver: Any) -> bool:
        """Return whether the server would answer COMMIT with ROLLBACK, without I/O."""
        return False

    def answered_with_rollback(self, driver: Any) -> bool:
        """Return whether the server answered the last COMMIT with ROLLBACK; forget the answer."""
        answer = getattr(driver, "answer", None)
        if answer is None:
            return False
        driver.answer = None
        return bool(answer == "ROLLBACK")

    async def ping(self, driver: Any) -> None:
        """Ask the server for a sign of life. Raises the driver's errors."""

    def abort(self, driver: Any) -> None:
        """End the running statement from the event loop, without waiting."""
        driver.terminate()

    def forget_holder(self, connection: Connection) -> None:
        """Record that no task holds the connection's transaction: its end is on its way."""

    def close_without_loop(self, driver: Any) -> None:
        """Close a connection whose event loop is closed, without I/O and without a warning."""
        close_transport(asyncpg_transport_of(driver))

    @property
    def can_fetch(self) -> bool:
        """True if ``fetch`` may be used in place of a cursor."""
        return False

    async def fetch(self, driver: Any, statement: str, values: Sequence[Any]) -> Sequence[Any]:
        """Run a statement and return all its rows, in one call of the driver."""
        raise NotImplementedError

    def statement_limit(self, unit: Unit) -> float | None:
        """Return the seconds after which ``abort`` ends a statement of ``unit``, or None."""
        own = unit.statement_timeout or self.settings.statement_timeout
        return None if own is None else own + GRACE_SECONDS

    @property
    def commit_limit(self) -> float | None:
        """The seconds that COMMIT or ROLLBACK may take before the peer counts as frozen."""
        limit = self.settings.statement_timeout
        return None if limit is None else limit + 2 * GRACE_SECONDS

    def execution_options(self, unit: Unit) -> Mapping[str, Any]:
        """Return SQLAlchemy's execution options for the connection of ``unit``."""
        level = {} if unit.isolation is None else {"isolation_level": unit.isolation}
        return {UNIT_OPTION: unit, **level}

    def can_stream(self, *, in_transaction: bool) -> bool:
        """Return whether other statements may run while rows are read through a cursor."""
        return in_transaction

    def record_cursor(self, connection: Connection) -> None:
        """Record that a cursor was opened on the connection and may be left open."""

    def drop_cursor(self, driver: Any, cursor: Any) -> None:
        """Close an abandoned cursor, from the event loop and without waiting."""

    def apply_unit(self, connection: Connection, unit: Unit) -> None:
        """Apply the options of ``unit`` to the transaction that has just begun."""
        if unit.variables:
            raise InvalidSetting(
                "variables are a matter of PostgreSQL's row-level security",
                hint="on this database use a scope, or a criterion of the query",
            )


def driver_of(connection: PoolProxiedConnection) -> Any:
    """Return the driver's own connection, also if it is detached from its pool."""
    adapted: Any = connection.dbapi_connection
    return adapted.driver_connection


def watchdog_of(engine: Engine) -> Watchdog:
    """Return the watchdog that keeps every limit on the connections of an engine."""
    watchdog: Watchdog = engine.dialect.colonnade_watchdog  # type: ignore[attr-defined] # set_watchdog
    return watchdog


def set_watchdog(engine: Engine, dialect: Dialect) -> Watchdog:
    """Give an engine its watchdog, and return it.

    There is one for each engine, as a timer belongs to one event loop, and an engine does too. It
    is an attribute of SQLAlchemy's dialect, so that an engine with other options has the same one.
    """
    watchdog = Watchdog(dialect.abort)
    engine.dialect.colonnade_watchdog = watchdog  # type: ignore[attr-defined] # watchdog_of
    return watchdog


class Watchdog:
    """Calls ``abort(connection)`` once for each connection whose statement is overdue.

    A timer for each statement would be set and cancelled thousands of times for each time it fires.
    Here a single timer waits for the earliest deadline. Most statements are over long before it
    fires; then it is set again only if others still run.
    """

    def __init__(self, abort: Callable[[Any], None]) -> None:
        self._abort = abort
        self._deadlines: dict[Any, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def start(self, connection: Any, limit: float) -> float | None:
        """Record that a statement begins which may take ``limit`` seconds.

        Return the deadline that the connection had before, which ``stop`` takes: a statement may
        run inside of a longer task that has a limit too. Of the two deadlines the earlier counts.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + limit
        outer = self._deadlines.get(connection)
        if outer is not None and outer <= deadline:
            return outer
        self._deadlines[connection] = deadline
        if self._timer is None or deadline < self._timer.when():
            self._set_timer(loop, deadline)
        return outer

    def stop(self, connection: Any, outer: float | None = None) -> None:
        """Record that the statement is over; ``outer`` is what its ``start`` returned."""
        if outer is None:
            self._deadlines.pop(connection, None)
        elif connection in self._deadlines:  # else it has been aborted
            self._deadlines[connection] = outer

    def _set_timer(self, loop: asyncio.AbstractEventLoop, deadline: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(deadline, self._abort_overdue, loop)

    def _abort_overdue(self, loop: asyncio.AbstractEventLoop) -> None:
        """Abort the overdue connections, and set the timer for the next deadline."""
        self._timer = None
        now = loop.time()
        overdue = [connection for connection, due in self._deadlines.items() if due <= now]
        for connection in overdue:
            self.stop(connection)
            self._abort(connection)
        if self._deadlines:
            self._set_timer(loop, min(self._deadlines.values()))
