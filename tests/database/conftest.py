"""What the tests of the database package share: databases with the shop's tables."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
from tests.database.shop import Base

from colonnade.database import Database
from colonnade.testing import Proxy


@pytest.fixture
async def make(database_url: str) -> AsyncIterator[Callable[..., Database]]:
    """Databases of the test's own settings on the empty database; the tables are created."""
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
    """A database with the shop's tables, once for each kind."""
    return make()


@pytest.fixture
async def server_db(server_url: str) -> AsyncIterator[Database]:
    """The same, once for each kind of server."""
    async with Database(server_url, metadata=Base.metadata) as database:
        await database.create_all()
        yield database


@pytest.fixture
async def proxy(server_url: str) -> AsyncIterator[Proxy]:
    """A way to the server of ``server_db`` that can be cut."""
    async with Proxy.to(server_url) as proxy:
        yield proxy


@pytest.fixture
async def proxied(server_db: Database, server_url: str, proxy: Proxy) -> AsyncIterator[Database]:
    """The database of ``server_db`` through the proxy."""
    async with Database(proxy.url(server_url), metadata=Base.metadata) as database:
        yield database
