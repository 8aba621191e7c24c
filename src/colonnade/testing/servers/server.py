"""Describe a database server to tests: its URL, its version, temporary databases in it."""

from __future__ import annotations

import asyncio
import secrets
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from typing import Any, ClassVar, TypeVar

from sqlalchemy import URL, make_url

__all__ = ["PATIENCE", "Server", "ServerNotFound", "run_blocking"]

PATIENCE = 2.0
"""Seconds that a server may take to accept a connection before it counts as absent."""

T = TypeVar("T")


class ServerNotFound(Exception):
    """No server of this kind could be reached or started; the message says what was tried."""


def run_blocking(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on a loop of its own.

    In a thread, so that a fixture may call it whether or not a loop is running around it.
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


class Server(ABC):
    """A server that answers at ``url``, which names a user allowed to create databases.

    ``origin`` says in a few words how the server was found.
    """

    kind: ClassVar[str]
    _create: ClassVar[str]
    _drop: ClassVar[str]
    _version: ClassVar[str]

    def __init__(self, url: str, origin: str = "given") -> None:
        self.url = url
        self.origin = origin

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.address!r}, {self.origin!r})"

    @property
    def address(self) -> str:
        """The URL with its password hidden."""
        return make_url(self.url).render_as_string(hide_password=True)

    @abstractmethod
    async def _execute(self, url: URL, statement: str) -> list[tuple[Any, ...]]:
        """Run one statement on a connection of its own, made with the real driver."""

    @abstractmethod
    def _refusals(self) -> tuple[type[Exception], ...]:
        """Return the exceptions that the driver raises when no connection can be made."""

    def unreachable(self) -> str | None:
        """Return why no connection can be made, or None if one can.  One statement."""
        try:
            self.execute("SELECT 1")
        except self._refusals() as error:
            return f"{self.address}: {str(error) or type(error).__name__}"
        return None

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Run one administrative statement and return its rows.  Raises the driver's errors."""
        return run_blocking(self._execute(make_url(self.url), statement))

    @cached_property
    def version(self) -> str:
        """The server's version, as it writes it.  One statement, the first time."""
        return str(self.execute(self._version)[0][0])

    def create_database(self) -> str:
        """Return the URL of a new, empty database with a random name.  One CREATE DATABASE."""
        name = f"colonnade_test_{secrets.token_hex(6)}"
        self.execute(self._create.format(name=name))
        return make_url(self.url).set(database=name).render_as_string(hide_password=False)

    def drop_database(self, url: str) -> None:
        """Drop a database, whoever is still connected to it.  One DROP DATABASE."""
        self.execute(self._drop.format(name=make_url(url).database))

    @contextmanager
    def temporary_database(self) -> Generator[str]:
        """Yield the URL of an empty database that is dropped at the end of the block."""
        url = self.create_database()
        try:
            yield url
        finally:
            self.drop_database(url)
