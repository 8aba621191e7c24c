"""Talk to PostgreSQL through asyncpg, or through psycopg if the URL names it.

The server keeps the time limits (``statement_timeout``, ``lock_timeout``), which are sent with the
start of the connection and take no round trip. A watchdog with a longer limit ends statements that
a frozen peer does not answer; asyncpg's ``command_timeout`` could not follow the limit of a unit.
PgBouncer in transaction mode refuses such parameters, and a ``SET`` would leak to its other
clients, so there each unit sets its limits with ``set_config(…, is_local => true)``.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import select
import socket
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import cache
from typing import Any, Final
from urllib.parse import urlencode

from sqlalchemy import Connection, Engine, text
from sqlalchemy.engine import URL
from sqlalchemy.util import await_only

from colonnade._compat.sqlalchemy_asyncpg import send_many, terminate_of
from colonnade.dialects.dialect import Dialect
from colonnade.dialects.statement_memory import LONGEST_PREPARED, MOST_PREPARED, limit_prepared
from colonnade.errors import InvalidURL
from colonnade.settings import Unit

__all__ = ["PostgreSQL", "Psycopg", "keep_commit_answer"]

_DSN_PARAMETERS: Final = frozenset(
    {
        "sslmode",
        "sslrootcert",
        "sslcert",
        "sslkey",
        "sslpassword",
        "sslcrl",
        "sslnegotiation",
        "ssl_min_protocol_version",
        "ssl_max_protocol_version",
        "options",
        "passfile",
        "service",
    }
)
_URL_PARAMETERS: Final = ("host", "port")
#: Seconds in which a cancelled ``executemany`` ends, if asyncpg has sent all of it.
_CANCELLING: Final = 0.2
#: The status by which libpq says that a statement of the transaction failed.
_INERROR: Final = 3
_WHOLE_PARAMETERS: Final = (
    "statement_cache_size",
    "prepared_statement_cache_size",
    "prepare_threshold",
)


@dataclasses.dataclass(frozen=True)
class PostgreSQL(Dialect):
    """PostgreSQL through asyncpg."""

    def sqlalchemy_url(self) -> URL:
        kept = {
            name: value for name, value in self.address.query.items() if name in _URL_PARAMETERS
        }
        return self.address.url.set(query=kept)

    def connect_args(self) -> dict[str, Any]:
        query = {n: v for n, v in self.address.query.items() if n not in _URL_PARAMETERS}
        if "ssl" in query:
            query.setdefault("sslmode", query.pop("ssl"))
        args: dict[str, Any] = {
            "server_settings": self._server_settings(query),
            "timeout": self._take_seconds(query, "connect_timeout", self.settings.connect_timeout),
        }
        dsn = {name: query.pop(name) for name in sorted(_DSN_PARAMETERS & set(query))}
        if dsn:
            # asyncpg takes the TLS files only in its own URL; keywords still win over it.
            args["dsn"] = f"postgresql://?{urlencode(dsn)}"
        kept = 0 if self.settings.pgbouncer else MOST_PREPARED
        args |= {"statement_cache_size": kept, "prepared_statement_cache_size": kept}
        args["max_cacheable_statement_size"] = LONGEST_PREPARED
        args |= {n: _parse_whole(n, v) if n in _WHOLE_PARAMETERS else v for n, v in query.items()}
        return args

    def add_listeners(self, engine: Engine) -> None:
        limit_prepared(engine)

    def engine_options(self) -> dict[str, Any]:
        return _replace_unknown_level(super().engine_options())

    def execute_many(self, engine: Engine) -> Callable[..., None]:
        def execute(cursor: Any, statement: str, parameters: Any, _: Any) -> None:
            sending = send_many(cursor, statement, parameters)
            await_only(_send_cancellable(sending, terminate_of(cursor)))

        return execute

    @property
    def can_fetch(self) -> bool:
        return self.reading and not self.settings.pgbouncer

    async def fetch(self, driver: Any, statement: str, values: Sequence[Any]) -> Sequence[Any]:
        rows: Sequence[Any] = await driver.fetch(statement, *values)
        return rows

    async def ping(self, driver: Any) -> None:
        await driver.fetchrow(";", timeout=self.settings.connect_timeout)

    def execution_options(self, unit: Unit) -> Mapping[str, Any]:
        options = _replace_unknown_level(super().execution_options(unit))
        if unit.snapshot:
            options["isolation_level"] = "REPEATABLE READ"
        if unit.read_only or unit.snapshot:
            options["postgresql_readonly"] = True
        return options

    def apply_unit(self, connection: Connection, unit: Unit) -> None:
        local: dict[str, str | None] = dict(unit.variables)
        for name in ("statement_timeout", "lock_timeout"):
            seconds = getattr(unit, name)
            if seconds is None and self.settings.pgbouncer:
                seconds = getattr(self.settings, name)
            if seconds is not None:
                local[name] = _to_milliseconds(seconds)
        if local:
            calls = ", ".join(f"set_config(:n{i}, :v{i}, true)" for i in range(len(local)))
            values = {f"n{i}": name for i, name in enumerate(local)}
            values |= {f"v{i}": str(value) for i, value in enumerate(local.values())}
            connection.execute(text(f"SELECT {calls}"), values)

    def _server_settings(self, query: dict[str, Any]) -> dict[str, str]:
        """Return the server's parameters for a new connection; take its name out of ``query``."""
        given = query.pop("application_name", None)
        wanted: dict[str, str | None] = {
            "TimeZone": "UTC",
            "application_name": self.settings.application_name or given,
        }
        if not self.settings.pgbouncer:
            wanted |= {
                "statement_timeout": _to_milliseconds(self.settings.statement_timeout),
                "lock_timeout": _to_milliseconds(self.settings.lock_timeout),
                "default_transaction_read_only": "on" if self.reading else None,
            }
        return {name: value for name, value in wanted.items() if value is not None}

    def _take_seconds(self, query: dict[str, Any], name: str, default: float) -> float:
        """Take a number of seconds out of ``query``."""
        value = query.pop(name, None)
        if value is None:
            return default
        return float(_parse_whole(name, value))


@dataclasses.dataclass(frozen=True)
class Psycopg(PostgreSQL):
    """PostgreSQL through psycopg, which takes the parameters of libpq."""

    def connect_args(self) -> dict[str, Any]:
        query = {n: v for n, v in self.address.query.items() if n not in _URL_PARAMETERS}
        wanted = self._server_settings(query)
        seconds = self._take_seconds(query, "connect_timeout", self.settings.connect_timeout)
        # libpq takes whole seconds, of which a single one can be over almost at once.
        args: dict[str, Any] = {"connect_timeout": max(2, round(seconds))}
        if "ssl" in query:
            query.setdefault("sslmode", query.pop("ssl"))
        name = wanted.pop("application_name", None)
        if name is not None:
            args["application_name"] = name
        given = str(query.pop("options", ""))
        args["options"] = " ".join([given, *(f"-c {n}={v}" for n, v in wanted.items())]).strip()
        if self.settings.pgbouncer:
            args["prepare_threshold"] = None
        args |= {n: _parse_whole(n, v) if n in _WHOLE_PARAMETERS else v for n, v in query.items()}
        return args

    def add_listeners(self, engine: Engine) -> None:
        """Do nothing: psycopg keeps a hundred prepared statements, none that ran only once."""

    @property
    def can_fetch(self) -> bool:
        return False

    def execute_many(self, engine: Engine) -> Callable[..., None]:
        return Dialect.execute_many(self, engine)

    def is_open(self, driver: Any) -> bool:
        if driver.closed:
            return False
        # libpq looks at its socket only when it is used. On an idle one there is nothing to read
        # but the server's notice that it closes the connection.
        idle = select.poll()
        idle.register(driver.fileno(), select.POLLIN)
        return not idle.poll(0)

    def in_transaction(self, driver: Any) -> bool:
        return int(driver.info.transaction_status) != 0

    def has_failed_transaction(self, driver: Any) -> bool:
        return int(driver.info.transaction_status) == _INERROR

    def abort(self, driver: Any) -> None:
        """Shut the socket down, which ends libpq's wait.

        This goes through a duplicate of the descriptor, since libpq itself closes the original.
        """
        if not driver.closed:
            with socket.socket(fileno=os.dup(driver.fileno())) as twin:
                twin.shutdown(socket.SHUT_RDWR)

    def close_without_loop(self, driver: Any) -> None:
        driver.pgconn.finish()

    async def ping(self, driver: Any) -> None:
        async with asyncio.timeout(self.settings.connect_timeout):
            await driver.execute("")


def _replace_unknown_level(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options with an isolation level that SQLAlchemy's asyncpg dialect accepts."""
    if options.get("isolation_level") == "READ UNCOMMITTED":
        # PostgreSQL treats both levels alike.
        return {**options, "isolation_level": "READ COMMITTED"}
    return dict(options)


@cache
def keep_commit_answer(connection: Any) -> Any:
    """Return a subclass of asyncpg's connection that keeps the server's answer to COMMIT.

    The server answers the COMMIT of a failed transaction with ROLLBACK and without an error.
    asyncpg has no public way to tell whether a transaction has failed. Its ``Transaction.commit``
    sends COMMIT through ``execute`` and ignores what that returns.
    """

    class Answering(connection):  # type: ignore[misc] # asyncpg is there at run time only
        answer: str | None = None

        async def execute(self, query: str, *args: Any, **options: Any) -> Any:
            answer = await super().execute(query, *args, **options)
            if query.startswith("COMMIT"):
                self.answer = answer
            return answer

    return Answering


async def _send_cancellable(
    sending: Coroutine[Any, Any, None], terminate: Callable[[], None]
) -> None:
    """Run asyncpg's ``executemany`` so that a cancellation ends it.

    If it is cancelled while it still sends, asyncpg drops the cancellation and waits for the answer
    to a message that it never completes. Then the connection is of no use and is terminated.
    """
    task = asyncio.ensure_future(sending)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.shield(asyncio.ensure_future(_await_cancelled(task, terminate)))
        raise


async def _await_cancelled(task: asyncio.Future[None], terminate: Callable[[], None]) -> None:
    """Wait for a cancelled task; terminate its connection if it does not end soon."""
    await asyncio.wait([task], timeout=_CANCELLING)
    if not task.done():
        terminate()
    # Its error says no more than that it was cancelled.
    await asyncio.gather(task, return_exceptions=True)


def _to_milliseconds(seconds: float | None) -> str | None:
    return None if seconds is None else str(max(1, round(seconds * 1000)))


def _parse_whole(name: str, value: Any) -> int:
    try:
        return int(value)
    except ValueError:
        raise InvalidURL(f"the URL's parameter {name!r} must be a whole number") from None
