"""Databases that are filled once and then only read: what many tests share."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from colonnade.testing.servers.server import run_blocking

__all__ = ["filled"]


@contextmanager
def filled(
    request: pytest.FixtureRequest,
    fill: Callable[[str], Coroutine[Any, Any, None]],
    database: str | None = None,
) -> Iterator[str]:
    """The URL of a database of a kind, ``request.param`` by default, which ``fill`` has filled."""
    kind = database or request.param
    if kind == "sqlite":
        folders: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
        url = f"sqlite:///{folders.mktemp('filled') / 'filled.db'}"
        run_blocking(fill(url))
        yield url
        return
    with request.getfixturevalue(f"{kind}_server").temporary_database() as url:
        run_blocking(fill(url))
        yield url
