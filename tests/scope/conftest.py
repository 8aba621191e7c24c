from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

import pytest
from tests.conftest import DATABASES
from tests.filled import filled
from tests.scope.guilds import NAMED, NUMBERED, fill

from colonnade import Database


async def fill_anew(url: str, guilds: Any = NUMBERED) -> None:
    async with Database(url) as db:
        await fill(db, guilds)


@pytest.fixture(scope="session", params=DATABASES)
def guilds_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database with two guilds, one of each kind for the run; nobody commits."""
    with filled(request, fill_anew) as url:
        yield url


@pytest.fixture
async def db(guilds_url: str) -> AsyncIterator[Database]:
    async with Database(guilds_url) as database:
        yield database


#: What tells the guilds apart, and where.
FILLED = [(name, kind) for name in ("numbers", "texts") for kind in DATABASES]


@pytest.fixture(scope="session", params=FILLED, ids=lambda pair: "-".join(pair))
def filled_url(request: pytest.FixtureRequest) -> Iterator[tuple[str, Any]]:
    """The same for guilds that are numbers and for guilds that are texts, with their models."""
    name, kind = request.param
    guilds = {"numbers": NUMBERED, "texts": NAMED}[name]
    with filled(request, partial(fill_anew, guilds=guilds), kind) as url:
        yield url, guilds


@pytest.fixture
async def filled_db(filled_url: tuple[str, Any]) -> AsyncIterator[tuple[Database, Any]]:
    url, guilds = filled_url
    async with Database(url) as database:
        yield database, guilds
