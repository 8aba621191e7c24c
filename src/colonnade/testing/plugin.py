"""Provide pytest fixtures: temporary databases, a rolled-back session, a statement counter.

A suite overrides one fixture, ``colonnade_db``, with its own ``Database``::

    @pytest.fixture
    async def colonnade_db(postgresql_url):
        async with Database(postgresql_url) as db:
            await db.create_all()
            yield db

pytest imports this module wherever Colonnade is installed, so it imports nothing heavy itself.
The asynchronous fixtures run under anyio and under pytest-asyncio's auto mode.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from colonnade.database import Database
    from colonnade.session import Session
    from colonnade.testing.servers import Server, Servers
    from colonnade.testing.statements import Statements

__all__ = ["find_or_skip", "servers_of"]

T = TypeVar("T")

_SERVERS = pytest.StashKey["Servers"]()


def servers_of(config: pytest.Config) -> Servers:
    """Return the servers of this test run, which are found on demand and ended with it."""
    from colonnade.testing.servers import Servers

    if _SERVERS not in config.stash:
        config.stash[_SERVERS] = Servers()
    return config.stash[_SERVERS]


def pytest_unconfigure(config: pytest.Config) -> None:
    if _SERVERS in config.stash:
        config.stash[_SERVERS].close()


def find_or_skip(kind: str, find: Callable[[], T]) -> T:
    """Return what ``find`` returns. If it finds no server skip the test, or fail if required."""
    from colonnade.testing.servers.find import required_kinds
    from colonnade.testing.servers.server import ServerNotFound

    try:
        return find()
    except ServerNotFound as error:
        reason = f"no {kind} server: {error}"
    if kind in required_kinds():
        pytest.fail(f"COLONNADE_TEST_REQUIRE names {kind}; {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def postgresql_server(pytestconfig: pytest.Config) -> Server:
    """Provide a PostgreSQL server for the whole run; see ``colonnade.testing.servers``."""
    return find_or_skip("postgresql", lambda: servers_of(pytestconfig).find("postgresql"))


@pytest.fixture(scope="session")
def mariadb_server(pytestconfig: pytest.Config) -> Server:
    """Provide a MariaDB server for the whole run; see ``colonnade.testing.servers``."""
    return find_or_skip("mariadb", lambda: servers_of(pytestconfig).find("mariadb"))


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Provide the URL of an empty SQLite file; connections to memory would share a transaction."""
    return f"sqlite:///{tmp_path / 'colonnade.db'}"


@pytest.fixture
def postgresql_url(postgresql_server: Server) -> Iterator[str]:
    """Provide the URL of an empty PostgreSQL database for this test only."""
    with postgresql_server.temporary_database() as url:
        yield url


@pytest.fixture
def mariadb_url(mariadb_server: Server) -> Iterator[str]:
    """Provide the URL of an empty MariaDB database for this test only."""
    with mariadb_server.temporary_database() as url:
        yield url


@pytest.fixture
async def colonnade_db(sqlite_url: str) -> AsyncIterator[Database]:
    """Provide the suite's database. Override it; by default all tables in a new SQLite file."""
    from colonnade.database import Database

    async with Database(sqlite_url) as db:
        await db.create_all()
        yield db


@pytest.fixture
async def session(colonnade_db: Database) -> AsyncIterator[Session]:
    """Provide a session of ``colonnade_db``; everything done through the database is undone."""
    from colonnade.testing.rollback import rolled_back

    async with rolled_back(colonnade_db), colonnade_db.session() as session:
        yield session


@pytest.fixture
async def statements(colonnade_db: Database) -> AsyncIterator[Statements]:
    """Count the statements of ``colonnade_db`` in the test; ``statements.clear()`` resets."""
    from colonnade.testing.statements import count_statements

    with count_statements(colonnade_db) as counted:
        yield counted
