"""In charge of what differs between databases: the questions; each database's file answers them.

The base class answers for a database that SQLAlchemy knows and Colonnade does not (CockroachDB):
nothing is set up, and nothing is assumed but that its driver is asyncpg.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import URL
from sqlalchemy.pool import PoolProxiedConnection

from colonnade.database.settings import Settings
from colonnade.database.transports import close_transport
from colonnade.database.unit import Unit
from colonnade.database.url import Address
from colonnade.database.watchdog import Watchdog
from colonnade.errors import InvalidSetting

__all__ = ["FINISHING", "GRACE", "PLAIN", "UNIT", "USED", "Dialect", "driver_of"]

#: The execution option under which a connection carries its unit, and the unit without wishes.
UNIT: Final = "colonnade_unit"
#: Where in the info of a pooled connection it stands when it was used last.
USED: Final = "colonnade_used"
PLAIN: Final = Unit()

#: Seconds that the client waits beyond a limit that the server keeps: the server's answer is the
#: better one, the client's own limit is for a peer that answers nothing at all.
GRACE: Final = 2.0

#: Seconds that a cancelled task still gives to what must not stop half way: a COMMIT that was sent,
#: and the callbacks of a commit that succeeded.
FINISHING: Final = 5.0


def driver_of(connection: PoolProxiedConnection) -> Any:
    """Return the driver's connection, also of one that was detached from its pool."""
    adapted: Any = connection.dbapi_connection
    return adapted.driver_connection


@dataclass(frozen=True)
class Dialect:
    """One engine's database: its address, its settings, and whether readers use it."""

    address: Address
    settings: Settings
    reading: bool = False

    def url(self) -> URL:
        """The URL for SQLAlchemy; parameters that need translation go into ``connect_args``."""
        return self.address.url.set(query=dict(self.address.query))

    def connect_args(self) -> dict[str, Any]:
        """What the driver's ``connect`` gets beside the URL."""
        return {}

    def engine_options(self) -> dict[str, Any]:
        """What ``create_engine`` gets beside them: the level of all transactions.

        Readers have none. For units no round trip of theirs is spent: PostgreSQL's drivers say it
        with BEGIN, so that no setting of a server's session reaches other clients of PgBouncer;
        MySQL's set it once for each connection. Either way SQLAlchemy knows what to go back to
        after a connection was used with a level of its own.
        """
        if self.reading:
            return {"isolation_level": "AUTOCOMMIT"}
        level = self.settings.isolation
        return {} if level is None else {"isolation_level": level}

    def install(self, engine: Engine) -> None:
        """Add the listeners that this database needs to ``engine``."""

    def execute_many(self, engine: Engine) -> Callable[..., None]:
        """What sends a statement with many sets of parameters: SQLAlchemy's ``do_executemany``."""
        return engine.dialect.do_executemany

    def alive(self, driver: Any) -> bool:
        """Whether the connection is open as far as can be told without I/O."""
        return not driver.is_closed()

    def in_transaction(self, driver: Any) -> bool:
        """Whether the server has a transaction open on the connection, told without I/O."""
        return bool(driver.is_in_transaction())

    def failed(self, driver: Any) -> bool:
        """Return whether the server will answer COMMIT with ROLLBACK, told without I/O."""
        return False

    def undone(self, driver: Any) -> bool:
        """Return whether the server has answered the COMMIT just sent with ROLLBACK."""
        answer = getattr(driver, "answer", None)
        if answer is None:
            return False
        driver.answer = None
        return bool(answer == "ROLLBACK")

    async def ping(self, driver: Any) -> None:
        """Ask the server for a sign of life; raises whatever the driver raises."""

    def abort(self, driver: Any) -> None:
        """End the running statement from the event loop, without waiting."""
        driver.terminate()

    def disown(self, connection: Connection) -> None:
        """Know that no task has the connection's transaction any more; its end is on its way."""

    def forsake(self, driver: Any) -> None:
        """Close a connection whose event loop is closed: without I/O and without a warning."""
        close_transport(driver._transport)

    @cached_property
    def watchdog(self) -> Watchdog:
        """What ends statements of ``fetch``."""
        return Watchdog(self.abort)

    @property
    def fetches(self) -> bool:
        """Whether ``fetch`` may stand in for a cursor."""
        return False

    async def fetch(self, driver: Any, statement: str, values: Sequence[Any]) -> Sequence[Any]:
        """Every row of a statement, in one call of the driver."""
        raise NotImplementedError

    def limit(self, unit: Unit) -> float | None:
        """After how many seconds ``abort`` is called on a statement of ``unit``."""
        own = unit.statement_timeout or self.settings.statement_timeout
        return None if own is None else own + GRACE

    @property
    def patience(self) -> float | None:
        """How many seconds a COMMIT or ROLLBACK may take before the peer counts as frozen."""
        limit = self.settings.statement_timeout
        return None if limit is None else limit + 2 * GRACE

    def execution_options(self, unit: Unit) -> Mapping[str, Any]:
        """SQLAlchemy's connection options for a unit of work that is not plain."""
        level = {} if unit.isolation is None else {"isolation_level": unit.isolation}
        return {UNIT: unit, **level}

    def streams(self, *, in_transaction: bool) -> bool:
        """Whether rows can be read through a cursor while other statements run beside it."""
        return in_transaction

    def streaming(self, connection: Connection) -> None:
        """A cursor was opened on the connection, which may be left open."""

    def drop(self, driver: Any, cursor: Any) -> None:
        """Close a cursor that nobody reads any more, from the event loop and without waiting."""

    def begin(self, connection: Connection, unit: Unit) -> None:
        """Make the transaction that has just begun what ``unit`` asks for."""
        if unit.variables:
            raise InvalidSetting(
                "variables are a matter of PostgreSQL's row-level security",
                hint="on this database use a scope, or a criterion of the query",
            )
