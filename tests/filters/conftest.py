from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from tests.conftest import DATABASES
from tests.lexicon import fill

from colonnade import Database
from colonnade.testing.servers.server import blocking


async def _fill(url: str) -> None:
    async with Database(url) as database:
        await fill(database)


@pytest.fixture(scope="session", params=DATABASES)
def lexicon_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The URL of a database with the words of ``tests.lexicon``, one of each kind for the run."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('lexicon') / 'lexicon.db'}"
        blocking(_fill(url))
        yield url
        return
    with request.getfixturevalue(f"{request.param}_server").temporary_database() as url:
        blocking(_fill(url))
        yield url


@pytest.fixture
async def lexicon(lexicon_url: str) -> AsyncIterator[Database]:
    """A Database on the words of ``tests.lexicon``, for tests that only read."""
    async with Database(lexicon_url) as database:
        yield database
