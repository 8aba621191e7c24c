"""Talk to MySQL and MariaDB through aiomysql or asyncmy.

Every connection uses UTC and utf8mb4, and strict mode, which refuses values that do not fit. The
limits of a unit are session variables, since there is no ``SET LOCAL``: the connection remembers
the values that it has, and each unit sets those that differ, so that nothing leaks to the next.
Neither driver limits the wait for an answer, so a watchdog cuts the socket of a statement that
takes longer.
"""

from __future__ import annotations

import asyncio
import dataclasses
import ssl
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL

from colonnade._compat.asyncio_transports import close_transport
from colonnade._compat.mysql_drivers import (
    asked_for_tls,
    is_connected,
    mark_closed,
    mend_bytes,
    mysql_transport_of,
)
from colonnade.dialects.dialect import PLAIN_UNIT, UNIT_OPTION, Dialect
from colonnade.errors import ConnectionFailed, InvalidURL
from colonnade.settings import Unit

__all__ = ["MySQL"]

_HELD: Final = "colonnade_mysql_limits"
_TLS: Final = frozenset(
    {"sslmode", "ssl_mode", "ssl_ca", "ssl_cert", "ssl_key", "ssl_check_hostname"}
)
_VERIFYING: Final = frozenset({"verify_ca", "verify_full", "verify_identity"})
_MODES: Final = _VERIFYING | {"disabled", "disable", "preferred", "prefer", "required", "require"}
#: The capability flag of the protocol with which a server says that it speaks TLS.
_TLS_SPOKEN: Final = 1 << 11
#: Seconds that stand for "no limit" on the wait for a lock: the largest value that servers take.
_FOREVER: Final = 1_073_741_823


@dataclasses.dataclass(frozen=True)
class MySQL(Dialect):
    """MySQL or MariaDB."""

    begins_with_any_statement = False

    def sqlalchemy_url(self) -> URL:
        return self.address.url

    def connect_args(self) -> dict[str, Any]:
        query = dict(self.address.query)
        tls = {name: str(query.pop(name)) for name in sorted(_TLS & set(query))}
        seconds = query.pop("connect_timeout", None)
        args: dict[str, Any] = {
            "charset": "utf8mb4",
            "connect_timeout": self.settings.connect_timeout
            if seconds is None
            else _parse_seconds(seconds),
        }
        if self.settings.application_name:
            args["program_name"] = self.settings.application_name
        context = _tls_context(tls)
        if context is not None:
            args["ssl"] = context
        if "local_infile" in query:
            query["local_infile"] = str(query["local_infile"]).lower() in ("1", "true")  # type: ignore[assignment] # the driver wants a bool
        return args | query

    def add_listeners(self, engine: Engine) -> None:
        @event.listens_for(engine, "connect")
        def _set_up(adapted: Any, record: Any) -> None:
            mend_bytes(adapted.driver_connection)
            self._check_tls(adapted.driver_connection)
            limits = self._limit_variables(engine, PLAIN_UNIT)
            wanted = {
                "time_zone": "'+00:00'",
                "sql_mode": "concat_ws(',', @@sql_mode, 'STRICT_ALL_TABLES')",
                **limits,
            }
            if self.reading:
                wanted["tx_read_only" if _is_mariadb(engine) else "transaction_read_only"] = "1"
            cursor = adapted.cursor()
            cursor.execute(
                "SET " + ", ".join(f"{name} = {value}" for name, value in wanted.items())
            )
            cursor.close()
            record.info[_HELD] = limits

        if self.reading:
            event.listen(engine, "rollback", _end_snapshot)

    def _check_tls(self, driver: Any) -> None:
        """Refuse a plain connection where TLS was asked for: aiomysql goes on without a word."""
        if (
            asked_for_tls(driver)
            and not driver.server_capabilities & _TLS_SPOKEN
            and not self._tls_optional()
        ):
            self.abort(driver)
            raise ConnectionFailed(
                "the server does not speak TLS, which the URL demands",
                hint="enable TLS on the server, or say sslmode=prefer",
            )

    def _tls_optional(self) -> bool:
        query = self.address.query
        return str(query.get("sslmode", query.get("ssl_mode"))).lower() in ("prefer", "preferred")

    def is_open(self, driver: Any) -> bool:
        return is_connected(driver)

    def in_transaction(self, driver: Any) -> bool:
        return bool(driver.get_transaction_status())

    async def ping(self, driver: Any) -> None:
        async with asyncio.timeout(self.settings.connect_timeout):
            await driver.ping(reconnect=False)

    def abort(self, driver: Any) -> None:
        """Cut the socket: ``close`` waits for the peer to take all that is still to be sent."""
        transport = mysql_transport_of(driver)
        driver.close()
        if transport is not None:
            transport.abort()

    def close_without_loop(self, driver: Any) -> None:
        transport = mysql_transport_of(driver)
        if transport is not None:
            close_transport(transport)
        mark_closed(driver)

    def execution_options(self, unit: Unit) -> Mapping[str, Any]:
        return {} if unit == PLAIN_UNIT else {UNIT_OPTION: unit}

    def can_stream(self, *, in_transaction: bool) -> bool:
        """While the drivers read a result row by row, the connection takes nothing else."""
        return False

    def apply_unit(self, connection: Connection, unit: Unit) -> None:
        super().apply_unit(connection, unit)
        held, wanted = (
            connection.info.get(_HELD, {}),
            self._limit_variables(connection.engine, unit),
        )
        changed = {name: value for name, value in wanted.items() if held.get(name) != value}
        if changed:
            # Cleared first: if the SET fails half way, the next unit sets them all.
            connection.info[_HELD] = {}
            assignments = ", ".join(f"{name} = {value}" for name, value in changed.items())
            connection.exec_driver_sql(f"SET {assignments}")
            connection.info[_HELD] = wanted
        # On a connection that a test has bound, SET TRANSACTION and START TRANSACTION would commit
        # the test's own transaction.
        if not connection.in_nested_transaction():
            self._set_characteristics(connection, unit)

    def _set_characteristics(self, connection: Connection, unit: Unit) -> None:
        """Set the isolation level and the access mode of the next transaction, and of no other.

        SQLAlchemy would set the level of the server's session and restore it at check-in. Where
        that fails, as on a connection that was cut, the pool loses the connection's place for good.
        """
        level = "REPEATABLE READ" if unit.snapshot else unit.isolation
        if level is not None:
            connection.exec_driver_sql(f"SET TRANSACTION ISOLATION LEVEL {level}")
        if unit.read_only:
            connection.exec_driver_sql("START TRANSACTION READ ONLY")

    def _limit_variables(self, engine: Engine, unit: Unit) -> dict[str, str]:
        """Return the session variables, by name, for the time limits of ``unit``."""
        statement = unit.statement_timeout or self.settings.statement_timeout
        lock = unit.lock_timeout or self.settings.lock_timeout
        seconds = statement or 0
        limit = (
            ("max_statement_time", f"{seconds:.3f}")
            if _is_mariadb(engine)
            else ("max_execution_time", str(round(seconds * 1000)))
        )
        waits = str(_FOREVER if lock is None else max(1, round(lock)))
        return dict((limit, ("innodb_lock_wait_timeout", waits)))


def _end_snapshot(connection: Connection) -> None:
    """Send ROLLBACK after a snapshot: for readers, in AUTOCOMMIT, SQLAlchemy sends none."""
    if UNIT_OPTION in connection.get_execution_options():
        connection.exec_driver_sql("ROLLBACK")


def _is_mariadb(engine: Engine) -> bool:
    return bool(getattr(engine.dialect, "is_mariadb", False))


def _parse_seconds(seconds: Any) -> float:
    try:
        return float(seconds)
    except ValueError:
        raise InvalidURL("the URL's parameter 'connect_timeout' must be a number") from None


def _tls_context(tls: Mapping[str, str]) -> ssl.SSLContext | None:
    """Return the TLS context for ``sslmode`` and the files; None for a plain connection.

    Raises ``InvalidURL`` for a mode that is not known and for a file that cannot be read.
    """
    if not tls:
        return None
    mode = tls.get("sslmode", tls.get("ssl_mode", "verify_ca" if "ssl_ca" in tls else "required"))
    mode = mode.lower().replace("-", "_")
    if mode not in _MODES:
        raise InvalidURL(
            f"the URL's sslmode {mode!r} is not known", hint=f"modes: {', '.join(sorted(_MODES))}"
        )
    if mode in ("disable", "disabled"):
        return None
    try:
        context = ssl.create_default_context(cafile=tls.get("ssl_ca"))
        if "ssl_cert" in tls:
            context.load_cert_chain(tls["ssl_cert"], tls.get("ssl_key"))
    except OSError as error:
        raise InvalidURL(
            f"a TLS file that the URL names cannot be read: {error.strerror}"
        ) from error
    named = tls.get("ssl_check_hostname", "").lower() in ("1", "true")
    context.check_hostname = mode in ("verify_full", "verify_identity") or named
    context.verify_mode = ssl.CERT_REQUIRED if mode in _VERIFYING or named else ssl.CERT_NONE
    return context
