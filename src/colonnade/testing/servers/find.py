"""Find the server that tests use: the named one, a running one, or a private one.

The environment names one in ``COLONNADE_TEST_POSTGRESQL_URL`` or ``COLONNADE_TEST_MARIADB_URL``.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final

from colonnade.testing.servers.mariadb import MariaDBServer, TemporaryMariaDB
from colonnade.testing.servers.postgresql import PostgreSQLServer, TemporaryPostgreSQL
from colonnade.testing.servers.server import Server, ServerNotFound
from colonnade.testing.servers.temporary import TemporaryServer

__all__ = ["KINDS", "Servers", "required_kinds"]


@dataclass(frozen=True)
class _Kind:
    """The ways in which one kind of server is found."""

    variable: str
    driver: str
    local: tuple[str, ...]
    server: Callable[[str, str], Server]
    private: Callable[[], TemporaryServer]


KINDS: Final = {
    "postgresql": _Kind(
        variable="COLONNADE_TEST_POSTGRESQL_URL",
        driver="asyncpg",
        local=(
            "postgresql://postgres@127.0.0.1:5432/postgres",
            "postgresql://{user}@127.0.0.1:5432/postgres",
        ),
        server=PostgreSQLServer,
        private=TemporaryPostgreSQL,
    ),
    "mariadb": _Kind(
        variable="COLONNADE_TEST_MARIADB_URL",
        driver="aiomysql",
        local=("mariadb://root@127.0.0.1:3306",),
        server=MariaDBServer,
        private=TemporaryMariaDB,
    ),
}


def required_kinds() -> frozenset[str]:
    """Return the kinds of servers that ``COLONNADE_TEST_REQUIRE`` lists, separated by commas."""
    names = os.environ.get("COLONNADE_TEST_REQUIRE", "").split(",")
    return frozenset(filter(None, map(str.strip, names)))


class Servers:
    """The servers of one test run: found when first asked for, ended by ``close``."""

    def __init__(self) -> None:
        self._found: dict[str, Server | ServerNotFound] = {}
        self._private = ExitStack()

    def find(self, kind: str) -> Server:
        """Return the server of this kind. Raises ``ServerNotFound``, the same at each call."""
        if kind not in self._found:
            try:
                self._found[kind] = self._look(KINDS[kind])
            except ServerNotFound as error:
                self._found[kind] = error
        answer = self._found[kind]
        if isinstance(answer, ServerNotFound):
            raise answer
        return answer

    def close(self) -> None:
        """End the private servers."""
        self._private.close()

    def _look(self, kind: _Kind) -> Server:
        if find_spec(kind.driver) is None:
            raise ServerNotFound(f"the driver {kind.driver} is not installed")
        if kind.variable in os.environ:
            return _find_named(kind)
        running = (kind.server(url, "running") for url in _local_urls(kind))
        for server in running:
            if server.unreachable() is None:
                return server
        return self._private.enter_context(kind.private())


def _find_named(kind: _Kind) -> Server:
    """Return the server that the environment names, or raise ``ServerNotFound``; try no other."""
    server = kind.server(os.environ[kind.variable], kind.variable)
    if (reason := server.unreachable()) is not None:
        raise ServerNotFound(f"{kind.variable} is set, but no connection can be made: {reason}")
    return server


def _local_urls(kind: _Kind) -> list[str]:
    return [url.format(user=getpass.getuser()) for url in kind.local]
