from __future__ import annotations

import asyncio

import pytest

from colonnade.dialects.dialect import Watchdog


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
