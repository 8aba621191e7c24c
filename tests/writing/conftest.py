"""What the tests of writes share: two units at a time, which takes a server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.guild import Base

from colonnade.database import Database


@pytest.fixture
async def server_guild(server_url: str) -> AsyncIterator[Database]:
    """A database with the tables of ``tests.guild``, once for each kind of server."""
    async with Database(server_url, metadata=Base.metadata) as database:
        await database.create_all()
        yield database
