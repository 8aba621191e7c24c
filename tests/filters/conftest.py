from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from tests.conftest import DATABASES
from tests.filled import filled
from tests.lexicon import fill

from colonnade import Database


async def _fill(url: str) -> None:
    async with Database(url) as database:
        await fill(database)


@pytest.fixture(scope="session", params=DATABASES)
def lexicon_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database with the words of ``tests.lexicon``, one of each kind for the run."""
    with filled(request, _fill) as url:
        yield url


@pytest.fixture
async def lexicon(lexicon_url: str) -> AsyncIterator[Database]:
    """A Database on the words of ``tests.lexicon``, for tests that only read."""
    async with Database(lexicon_url) as database:
        yield database
