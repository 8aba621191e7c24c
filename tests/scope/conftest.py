from collections.abc import AsyncIterator, Iterator

import pytest
from tests.conftest import DATABASES
from tests.filled import filled
from tests.scope.guilds import fill

from colonnade import Database


async def fill_anew(url: str) -> None:
    async with Database(url) as db:
        await fill(db)


@pytest.fixture(scope="session", params=DATABASES)
def guilds_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database with two guilds, one of each kind for the run; nobody commits."""
    with filled(request, fill_anew) as url:
        yield url


@pytest.fixture
async def db(guilds_url: str) -> AsyncIterator[Database]:
    async with Database(guilds_url) as database:
        yield database
