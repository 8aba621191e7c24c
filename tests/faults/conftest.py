"""What the fault tests share: their mark, a filled database, its witness, the way there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.faults.ground import Witness, open_at
from tests.faults.tables import Counter

from colonnade.database import Database
from colonnade.testing import Proxy


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.faults)


@pytest.fixture
async def filled_url(database_url: str) -> str:
    """The URL of a database with its tables and two counters, once for each kind."""
    await fill(database_url)
    return database_url


@pytest.fixture
async def served_url(server_url: str) -> str:
    """The same, once for each kind of server."""
    await fill(server_url)
    return server_url


@pytest.fixture
async def owned_url(private_url: str) -> str:
    """The same in ``private_server``, which the test may stop and freeze."""
    await fill(private_url)
    return private_url


async def fill(url: str) -> None:
    async with open_at(url) as db:
        await db.create_all()
        async with db.session() as session:
            session.add_all([Counter(id=1), Counter(id=2)])


@pytest.fixture
async def proxy(served_url: str) -> AsyncIterator[Proxy]:
    """A way to the server that can be broken."""
    async with Proxy.to(served_url) as proxy:
        yield proxy


@pytest.fixture
def witness(request: pytest.FixtureRequest) -> Witness:
    """What the server itself says of the test's database."""
    names = ("filled_url", "served_url", "owned_url")
    name = next(name for name in names if name in request.fixturenames)
    return Witness(request.getfixturevalue(name))


@pytest.fixture
async def db(request: pytest.FixtureRequest, witness: Witness) -> AsyncIterator[Database]:
    """A database with short limits and a pool of two."""
    async with open_at(witness.address.render_as_string(hide_password=False)) as db:
        yield db
