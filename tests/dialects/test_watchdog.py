from __future__ import annotations

import asyncio

import pytest

from colonnade import Database
from colonnade.dialects.dialect import Watchdog, watchdog_of


@pytest.fixture
def aborted() -> list[str]:
    return []


@pytest.fixture
def watchdog(aborted: list[str]) -> Watchdog:
    return Watchdog(aborted.append)


async def test_an_overdue_statement_is_ended_once(watchdog: Watchdog, aborted: list[str]) -> None:
    watchdog.start("a", 0.02)
    await asyncio.sleep(0.1)
    assert aborted == ["a"]


async def test_a_statement_that_is_over_in_time_is_left_alone(
    watchdog: Watchdog, aborted: list[str]
) -> None:
    watchdog.start("a", 0.02)
    watchdog.stop("a")
    watchdog.stop("a")
    await asyncio.sleep(0.05)
    assert not aborted
    assert watchdog._timer is None


async def test_the_earliest_deadline_comes_first_whatever_was_set_before(
    watchdog: Watchdog, aborted: list[str]
) -> None:
    watchdog.start("late", 0.5)
    watchdog.start("early", 0.02)
    await asyncio.sleep(0.1)
    assert aborted == ["early"]
    await asyncio.sleep(0.6)
    assert aborted == ["early", "late"]


async def test_a_later_statement_of_the_same_connection_has_a_limit_of_its_own(
    watchdog: Watchdog, aborted: list[str]
) -> None:
    for _ in range(4):
        watchdog.start("a", 0.3)
        await asyncio.sleep(0.1)
        watchdog.stop("a")
    assert not aborted
    watchdog.start("a", 0.02)
    await asyncio.sleep(0.1)
    assert aborted == ["a"]


async def test_a_thousand_quick_statements_set_one_timer(
    watchdog: Watchdog, aborted: list[str]
) -> None:
    watchdog.start("a", 0.5)
    timer = watchdog._timer
    for _ in range(1000):
        watchdog.stop("a")
        watchdog.start("a", 0.5)
    assert watchdog._timer is timer
    watchdog.stop("a")
    assert timer is not None
    timer.cancel()
    assert not aborted


async def test_a_statement_inside_of_a_longer_task_leaves_the_limit_of_the_task(
    watchdog: Watchdog, aborted: list[str]
) -> None:
    assert watchdog.start("a", 0.1) is None
    outer = watchdog.start("a", 30)
    watchdog.stop("a", outer)
    await asyncio.sleep(0.2)
    assert aborted == ["a"]
    watchdog.stop("a")


async def test_a_statement_may_have_a_shorter_limit_than_the_task_that_it_is_a_part_of(
    watchdog: Watchdog, aborted: list[str]
) -> None:
    watchdog.start("a", 30)
    outer = watchdog.start("a", 0.02)
    await asyncio.sleep(0.1)
    assert aborted == ["a"]
    watchdog.stop("a", outer)
    assert not watchdog._deadlines


async def test_every_engine_has_one_watchdog_of_its_own(
    sqlite_url: str,
) -> None:
    async with Database(sqlite_url) as db:
        own = watchdog_of(db.engine.sync_engine)
        assert watchdog_of(db.engine.execution_options(isolation_level=None).sync_engine) is own
        async with db.reader() as session:
            assert watchdog_of(session.get_bind().engine) is not own
