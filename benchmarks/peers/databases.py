"""In charge of a place to measure in: an empty database that is gone afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from contextlib import contextmanager

from colonnade.testing.servers import Servers

__all__ = ["empty"]


@contextmanager
def empty(database: str) -> Generator[str]:
    """The URL of a database without tables, on the servers that the tests use too."""
    if database == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/benchmark.db"
        return
    servers = Servers()
    try:
        with servers.find(database).temporary_database() as url:
            yield url
    finally:
        servers.close()
