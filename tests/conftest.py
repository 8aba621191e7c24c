"""What every test of the suite has: one loop kind, three databases, private servers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from tests.filled import filled

from colonnade.testing.plugin import find_or_skip, servers_of
from colonnade.testing.servers import (
    ServerNotFound,
    TemporaryMariaDB,
    TemporaryPostgreSQL,
    TemporaryServer,
)

if TYPE_CHECKING:
    from colonnade.database import Database
    from colonnade.testing import Proxy

DATABASES = ("sqlite", "postgresql", "mariadb")
PRIVATE: dict[str, Callable[[], TemporaryServer]] = {
    "postgresql": TemporaryPostgreSQL,
    "mariadb": TemporaryMariaDB,
}


def pytest_report_header(config: pytest.Config) -> list[str]:
    return [f"{kind}: {_describe(config, kind)}" for kind in DATABASES]


def _describe(config: pytest.Config, kind: str) -> str:
    if kind == "sqlite":
        import sqlite3

        return sqlite3.sqlite_version
    try:
        server = servers_of(config).find(kind)
    except ServerNotFound as error:
        return f"none ({error})"
    return f"{server.version} at {server.address} ({server.origin})"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database, once for each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A Database on an empty temporary database, once for each kind."""
    # Imported late: a test of the pure modules then needs no driver and no engine.
    from colonnade.database import Database

    async with Database(database_url) as database:
        yield database


@pytest.fixture
async def guild(database: Database) -> Database:
    """The database with the tables of ``tests.guild``, which are empty."""
    from tests.guild import Base

    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    return database


@pytest.fixture(scope="session", params=DATABASES)
def heroes_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database with the rows of ``tests.guild``, one of each kind for the run."""
    from tests.guild import fill_anew

    with filled(request, fill_anew) as url:
        yield url


@pytest.fixture
async def heroes(heroes_url: str) -> AsyncIterator[Database]:
    """A Database on the rows of ``tests.guild``, for tests that only read."""
    from colonnade.database import Database

    async with Database(heroes_url) as database:
        yield database


@pytest.fixture(scope="session", params=DATABASES)
def conduit_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database with the rows of ``tests.conduit``, one of each kind for the run."""
    from tests.conduit import fill_anew

    with filled(request, fill_anew) as url:
        yield url


@pytest.fixture
async def conduit(conduit_url: str) -> AsyncIterator[Database]:
    """A Database on the rows of ``tests.conduit``, for tests that only read."""
    from colonnade.database import Database

    async with Database(conduit_url) as database:
        yield database


@pytest.fixture
async def colonnade_db(database: Database) -> Database:
    """The plugin's ``session`` and ``statements`` are about the same database."""
    return database


@pytest.fixture(scope="session", params=PRIVATE)
def started_server(request: pytest.FixtureRequest) -> Iterator[TemporaryServer]:
    with find_or_skip(request.param, PRIVATE[request.param]) as server:
        yield server


@pytest.fixture
def private_server(started_server: TemporaryServer) -> Iterator[TemporaryServer]:
    """A server that the test may stop, kill and freeze: the next test finds it running again."""
    yield started_server
    if started_server.running:
        started_server.thaw()
    else:
        started_server.restart()


@pytest.fixture
def private_url(private_server: TemporaryServer) -> str:
    """The URL of an empty database in ``private_server``, which goes with the server."""
    return private_server.create_database()


@pytest.fixture(params=PRIVATE)
def server_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database in a shared server, once for each kind of server."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
async def make(database_url: str) -> AsyncIterator[Callable[..., Database]]:
    """Databases of the test's own settings on the empty database; the shop's tables are created."""
    from tests.shop import Base

    from colonnade.database import Database

    made: list[Database] = []

    def build(url: str = database_url, **options: object) -> Database:
        made.append(Database(url, metadata=Base.metadata, **options))  # type: ignore[arg-type]  # passed on
        return made[-1]

    await build().create_all()
    yield build
    for database in made:
        await database.close()


@pytest.fixture
async def db(make: Callable[..., Database]) -> Database:
    """A database with the tables of ``tests.shop``, once for each kind."""
    return make()


@pytest.fixture
async def server_db(server_url: str) -> AsyncIterator[Database]:
    """The same, once for each kind of server."""
    from tests.shop import Base

    from colonnade.database import Database

    async with Database(server_url, metadata=Base.metadata) as database:
        await database.create_all()
        yield database


@pytest.fixture
async def proxy(server_url: str) -> AsyncIterator[Proxy]:
    """A way to the server of ``server_db`` that can be cut."""
    from colonnade.testing import Proxy

    async with Proxy.to(server_url) as proxy:
        yield proxy


@pytest.fixture
async def proxied(server_db: Database, server_url: str, proxy: Proxy) -> AsyncIterator[Database]:
    """The database of ``server_db`` through the proxy."""
    from tests.shop import Base

    from colonnade.database import Database

    async with Database(proxy.url(server_url), metadata=Base.metadata) as database:
        yield database


@pytest.fixture(scope="session", params=DATABASES)
def lexicon_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database with the words of ``tests.lexicon``, one of each kind for the run."""
    from tests.lexicon import fill_anew

    with filled(request, fill_anew) as url:
        yield url


@pytest.fixture
async def lexicon(lexicon_url: str) -> AsyncIterator[Database]:
    """A Database on the words of ``tests.lexicon``, for tests that only read."""
    from colonnade.database import Database

    async with Database(lexicon_url) as database:
        yield database
