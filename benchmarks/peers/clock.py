"""Time: contestants take turns, so that whatever else the machine does falls on all of them."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from statistics import median
from time import perf_counter
from typing import Final

__all__ = [
    "Ask",
    "Measures",
    "Turn",
    "measure_calls",
    "measure_medians",
    "measure_throughput",
    "take_turns",
]

#: What each contestant's turns measured, in the order of the rounds: the turns of one round, which
#: ran one after the other, stand at the same place.
Measures = dict[str, list[float]]

Ask = Callable[[int], Awaitable[object]]
Turn = Callable[[int], Awaitable[float]]

#: Seconds that one contestant's turn takes about, alone and with many tasks.
_TURN: Final = 0.02
_BUSY_TURN: Final = 0.15

#: Calls that warm a contestant up, the seconds after which fewer do, and how far the numbers of two
#: rounds are apart.
_WARM: Final = 5
_WARM_AT_MOST: Final = 1.0
_STRIDE: Final = 1009


async def measure_calls(
    asks: Mapping[str, Ask], rounds: int, between: Callable[[], Awaitable[object]] | None = None
) -> Measures:
    """Return the milliseconds that a call takes, by turn; ``between`` runs unmeasured after it."""
    turns: dict[str, Turn] = {}
    for name, ask in asks.items():
        turns[name] = _calling(ask, await _count_calls(ask, between))
    return await take_turns(turns, rounds, between)


async def measure_medians(asks: Mapping[str, Ask], rounds: int) -> dict[str, float]:
    """Return the median milliseconds that a call takes."""
    measures = await measure_calls(asks, rounds)
    return {name: median(turns) for name, turns in measures.items()}


async def measure_throughput(asks: Mapping[str, Ask], tasks: int, rounds: int) -> Measures:
    """Return the calls a second that so many tasks at once are answered, by turn."""
    turns = {name: _calling_at_once(ask, tasks) for name, ask in asks.items()}
    for turn in turns.values():
        await turn(0)
    return await take_turns(turns, rounds)


async def take_turns(
    turns: Mapping[str, Turn],
    rounds: int,
    between: Callable[[], Awaitable[object]] | None = None,
) -> Measures:
    """Return what the turns measure. Each round begins with another contestant.

    Each turn begins with no garbage, and pays for what it makes.
    """
    measures: Measures = {name: [] for name in turns}
    names = list(turns)
    gc.collect()
    gc.freeze()
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            gc.collect()
            measures[name].append(await turns[name](number * _STRIDE))
            if between is not None:
                await between()
    gc.unfreeze()
    return measures


def _calling(ask: Ask, calls: int) -> Turn:
    async def turn(number: int) -> float:
        started = perf_counter()
        for call in range(number, number + calls):
            await ask(call)
        return (perf_counter() - started) / calls * 1e3

    return turn


def _calling_at_once(ask: Ask, tasks: int) -> Turn:
    async def turn(number: int) -> float:
        numbers = count(number)
        started = perf_counter()

        async def client() -> int:
            answered = 0
            while perf_counter() < started + _BUSY_TURN:
                await ask(next(numbers))
                answered += 1
            return answered

        answered = await asyncio.gather(*(client() for _ in range(tasks)))
        return sum(answered) / (perf_counter() - started)

    return turn


async def _count_calls(ask: Ask, between: Callable[[], Awaitable[object]] | None) -> int:
    """Return how many calls make a turn, after some that warm up caches."""
    begun = perf_counter()
    for number in range(_WARM):
        await ask(number)
        if between is not None:
            await between()
        if perf_counter() > begun + _WARM_AT_MOST:
            break
    started = perf_counter()
    await ask(_WARM)
    spent = perf_counter() - started
    if between is not None:
        await between()
    return max(1, round(_TURN / spent))
