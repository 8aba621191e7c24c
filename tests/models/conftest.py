"""What the tests of models share: the tables of a module's own registry, created."""

from __future__ import annotations

from functools import partial

import pytest

from colonnade.database import Database


@pytest.fixture
async def db(database: Database, request: pytest.FixtureRequest) -> Database:
    """The database with the tables of the test module's ``Base``."""
    create = partial(request.module.Base.metadata.create_all, checkfirst=False)
    async with database.engine.begin() as connection:
        await connection.run_sync(create)
    return database
