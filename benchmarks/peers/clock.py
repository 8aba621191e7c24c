"""In charge of time: contestants take turns, so that whatever else the machine does hits all."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable, Mapping
from statistics import median
from time import perf_counter
from typing import Final

__all__ = ["interleaved"]

Ask = Callable[[int], Awaitable[bytes]]

#: Seconds that one contestant's turn takes about, and calls that warm it up.
_TURN: Final = 0.02
_WARM: Final = 5


async def interleaved(asks: Mapping[str, Ask], rounds: int) -> dict[str, float]:
    """Return each contestant's median milliseconds for a call, over its turns.

    Each turn begins with no garbage, and pays for what it makes.
    """
    turns = {name: await _calls(ask) for name, ask in asks.items()}
    gc.collect()
    gc.freeze()
    spent: dict[str, list[float]] = {name: [] for name in asks}
    names = list(asks)
    number = 0
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            ask, calls = asks[name], turns[name]
            gc.collect()
            started = perf_counter()
            for call in range(number, number + calls):
                await ask(call)
            spent[name].append((perf_counter() - started) / calls * 1e3)
        number += max(turns.values())
    gc.unfreeze()
    return {name: median(measured) for name, measured in spent.items()}


async def _calls(ask: Ask) -> int:
    """How many calls make a turn, after some that warm up caches."""
    for number in range(_WARM):
        await ask(number)
    started = perf_counter()
    await ask(_WARM)
    return max(1, round(_TURN / (perf_counter() - started)))
