"""What the tests of examples/flights share: the example on the path, a small sky, loaded."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests import skies

from colonnade.database import Database

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))


@pytest.fixture(scope="session")
def sky(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return skies.write(tmp_path_factory.mktemp("sky"))


@pytest.fixture
async def flights(database: Database, sky: Path) -> Database:
    """The database with the flights of the small sky."""
    from flights.data import Flights13
    from flights.load import is_loaded, load

    assert not await is_loaded(database)
    await load(database, Flights13(sky), lambda name, done: None)
    return database


@pytest.fixture
async def client(flights: Database) -> AsyncIterator[Any]:
    """A client of the application."""
    from flights.app import create_app

    app = create_app(flights)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://sky") as client,
    ):
        yield client
