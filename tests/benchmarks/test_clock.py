from __future__ import annotations

import asyncio

from peers.clock import Turn, measure_calls, measure_medians, measure_throughput, take_turns


async def test_contestants_take_turns_and_each_round_begins_with_another() -> None:
    order: list[str] = []

    def turn_of(name: str) -> Turn:
        async def turn(number: int) -> float:
            order.append(name)
            return float(number)

        return turn

    measures = await take_turns({name: turn_of(name) for name in "abc"}, 3)
    assert "".join(order) == "abcbcacab"
    assert measures["a"] == measures["b"] == measures["c"]
    assert len(set(measures["a"])) == 3


async def test_what_runs_between_the_turns_is_not_measured() -> None:
    async def ask(number: int) -> None:
        await asyncio.sleep(0.001)

    async def between() -> None:
        await asyncio.sleep(0.05)

    measures = await measure_calls({"a": ask}, 3, between)
    assert min(measures["a"]) < 25


async def test_a_median_is_in_milliseconds() -> None:
    async def ask(number: int) -> None:
        await asyncio.sleep(0.01)

    medians = await measure_medians({"a": ask}, 3)
    assert medians["a"] >= 9.9


async def test_so_many_tasks_ask_at_once() -> None:
    asking = 0
    most = 0

    async def ask(number: int) -> None:
        nonlocal asking, most
        asking += 1
        most = max(most, asking)
        await asyncio.sleep(0.001)
        asking -= 1

    measures = await measure_throughput({"a": ask}, 16, 1)
    assert most == 16
    assert measures["a"][0] > 0
