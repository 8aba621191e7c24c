"""Canaries for what ``colonnade._compat.sqlalchemy_pool`` hooks into."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.pool.base import _ConnectionRecord
from sqlalchemy.util import greenlet_spawn

from colonnade._compat.sqlalchemy_pool import (
    check_in,
    check_pool,
    give_back,
    is_outdated,
    put_back,
    take_idle,
    wrap_connection,
)


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    """An engine whose pool of one has its connection idle."""
    path = tmp_path / "canary.db"
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}", pool_size=1, max_overflow=1)
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
    yield engine.sync_engine
    await engine.dispose()


def counts(engine: Engine) -> tuple[int, int]:
    """How many connections are idle, and how many in use."""
    pool: Any = engine.pool
    return pool.checkedin(), pool.checkedout()


async def test_the_pool_has_every_hook(engine: Engine) -> None:
    check_pool(engine)
    assert "_fairy_was_created" in signature(_ConnectionRecord.checkin).parameters


async def test_a_pool_of_another_kind_is_refused_by_name(tmp_path: Path) -> None:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'null.db'}", poolclass=NullPool)
    with pytest.raises(RuntimeError, match=r"AsyncAdaptedQueuePool, QueuePool\._pool"):
        check_pool(engine.sync_engine)


async def test_a_taken_connection_counts_as_in_use_until_it_is_given_back(engine: Engine) -> None:
    assert counts(engine) == (1, 0)
    entry = take_idle(engine, 0)
    assert entry is not None
    assert counts(engine) == (0, 1)
    assert take_idle(engine, 0) is None
    assert give_back(engine, entry, 0)
    assert counts(engine) == (1, 0)
    again = take_idle(engine, 0)
    assert again is entry
    put_back(engine, again)
    assert counts(engine) == (1, 0)


async def test_who_listens_to_checkouts_check_ins_or_resets_is_not_passed_by(
    engine: Engine,
) -> None:
    heard: list[str] = []
    event.listen(engine, "checkin", lambda *_: heard.append("checkin"))
    entry = take_idle(engine, 0)
    assert entry is not None
    assert not give_back(engine, entry, 0)
    assert give_back(engine, entry, 1)
    assert heard == ["checkin"]
    event.listen(engine, "checkout", lambda *_: None)
    assert take_idle(engine, 0) is None
    entry = take_idle(engine, 1)
    assert entry is not None
    put_back(engine, entry)
    event.listen(engine, "reset", lambda *_: None)
    assert take_idle(engine, 1) is None


async def test_a_pool_that_filled_up_meanwhile_is_left_to_a_greenlet(engine: Engine) -> None:
    entry = take_idle(engine, 0)
    assert entry is not None

    def use_another() -> None:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    await greenlet_spawn(use_another)
    assert counts(engine) == (1, 1)
    assert not give_back(engine, entry, 0)
    await greenlet_spawn(check_in, entry)
    assert counts(engine) == (1, 0)


async def test_a_connection_is_outdated_by_age_and_by_invalidation(engine: Engine) -> None:
    entry = take_idle(engine, 0)
    assert entry is not None
    assert not is_outdated(entry, -1)
    assert not is_outdated(entry, 3600)
    assert is_outdated(entry, time.time() - entry.last_connect_time - 0.001)
    entry.invalidate(soft=True)
    assert is_outdated(entry, -1)
    check_in(entry)


async def test_a_wrapped_connection_runs_statements_and_goes_back_when_it_is_closed(
    engine: Engine,
) -> None:
    entry = take_idle(engine, 0)
    assert entry is not None

    def use() -> Any:
        with wrap_connection(engine, entry) as connection:
            return connection.execute(text("SELECT 2")).scalar()

    assert await greenlet_spawn(use) == 2
    assert counts(engine) == (1, 0)


async def test_a_wrapped_connection_that_is_invalidated_leaves_its_place_free(
    engine: Engine,
) -> None:
    entry = take_idle(engine, 0)
    assert entry is not None

    def invalidate() -> None:
        with wrap_connection(engine, entry) as connection:
            connection.invalidate()

    await greenlet_spawn(invalidate)
    assert entry.driver_connection is None
    assert counts(engine) == (1, 0)
