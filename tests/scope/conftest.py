from collections.abc import AsyncIterator, Iterator

import pytest
from tests.conftest import DATABASES
from tests.scope.guilds import fill

from colonnade import Database
from colonnade.testing.servers.server import blocking


async def fill_anew(url: str) -> None:
    async with Database(url) as db:
        await fill(db)


@pytest.fixture(scope="session", params=DATABASES)
def guilds_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The URL of a database with two guilds, one of each kind for the run; nobody commits."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('guilds') / 'guilds.db'}"
        blocking(fill_anew(url))
        yield url
        return
    with request.getfixturevalue(f"{request.param}_server").temporary_database() as url:
        blocking(fill_anew(url))
        yield url


@pytest.fixture
async def db(guilds_url: str) -> AsyncIterator[Database]:
    async with Database(guilds_url) as database:
        yield database
