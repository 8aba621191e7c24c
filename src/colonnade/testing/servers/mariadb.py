"""Use MariaDB in tests: a server that runs already, or a private one if it is installed."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import URL

from colonnade.testing.servers.process import Account, run_command
from colonnade.testing.servers.server import PATIENCE, Server, ServerNotFound
from colonnade.testing.servers.temporary import TemporaryServer

__all__ = ["MariaDBServer", "TemporaryMariaDB"]

# An administrator's folders are often not on a user's PATH.
SYSTEM: tuple[str, ...] = ("/usr/sbin", "/usr/local/sbin")

# Settings that the tests' speed needs and a killed process does not: its log is written, if not
# synced, at every commit.
_SETTINGS: dict[str, str | int] = {
    "bind_address": "127.0.0.1",
    "skip_name_resolve": "ON",
    "performance_schema": "OFF",
    "innodb_buffer_pool_size": "64M",
    "innodb_log_file_size": "16M",
    "innodb_flush_log_at_trx_commit": 2,
    "innodb_lock_wait_timeout": 5,
    "max_connections": 100,
}


class MariaDBServer(Server):
    """A MariaDB (or MySQL) server."""

    kind = "mariadb"
    _create = "CREATE DATABASE {name} CHARACTER SET utf8mb4"
    _drop = "DROP DATABASE {name}"
    _version = "SELECT version()"

    async def _execute(self, url: URL, statement: str) -> list[tuple[Any, ...]]:
        import aiomysql

        # The driver's own limit ends with the TCP connection, before the server's greeting.
        async with asyncio.timeout(PATIENCE):
            connection = await aiomysql.connect(
                host=url.host or "127.0.0.1",
                port=url.port or 3306,
                user=url.username,
                password=url.password or "",
                db=url.database,
                autocommit=True,
            )
        try:
            async with connection.cursor() as cursor:
                await cursor.execute(statement)
                return list(await cursor.fetchall())
        finally:
            await connection.ensure_closed()

    def _refusals(self) -> tuple[type[Exception], ...]:
        import aiomysql

        return (OSError, TimeoutError, aiomysql.MySQLError)


class TemporaryMariaDB(TemporaryServer, MariaDBServer):
    """A private MariaDB; ``settings`` are its server variables, ``max_connections=10``.

    Raises ``ServerNotFound`` when ``mariadbd`` and ``mariadb-install-db`` are not installed.
    """

    accounts = ("mysql",)
    stop_signal = signal.SIGTERM
    _at = "mariadb://root@127.0.0.1:{port}"

    def __init__(self, **settings: str | int) -> None:
        super().__init__(**{**_SETTINGS, **settings})
        self._server = _program("mariadbd")
        self._install = _program("mariadb-install-db")
        self.origin = f"private, from {self._server}"

    def _prepare(self, directory: Path, account: Account) -> None:
        options = ("--auth-root-authentication-method=normal", "--skip-test-db")
        # The script would hand the folder to a user of its own choice.
        user = () if account.name is None else (f"--user={account.name}",)
        data = f"--datadir={directory / 'data'}"
        run_command((self._install, "--no-defaults", *options, *user, data), account, directory)

    def _command(self) -> Sequence[str | Path]:
        places = {
            "datadir": self.directory / "data",
            "socket": self.directory / "socket",
            "pid_file": self.directory / "pid",
            "tmpdir": self.directory,
        }
        settings = {**self.settings, **places, "port": self.port}
        options = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
        return (self._server, "--no-defaults", *options)


def _program(name: str) -> Path:
    path = os.pathsep.join((os.environ.get("PATH", ""), *SYSTEM))
    found = shutil.which(name, path=path)
    if found is None:
        raise ServerNotFound(f"{name} is not installed; the system's package is mariadb-server")
    return Path(found)
