"""In charge of Ctrl-C and SIGTERM: both cancel the command, which then ends in order."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine
from typing import Any, Final

__all__ = ["Interrupted", "run", "stopped"]

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Interrupted(Exception):
    """A signal ended the command; ``status`` is the exit status that shells expect of it."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number.name)
        self.status = 128 + number


def run(work: Coroutine[Any, Any, int]) -> int:
    """Run ``work`` in an event loop of its own. Raises ``Interrupted`` when a signal ended it."""
    return asyncio.run(_watched(work))


async def _watched(work: Coroutine[Any, Any, int]) -> int:
    task = asyncio.create_task(work)
    received: list[signal.Signals] = []

    def stop(number: signal.Signals) -> None:
        received.append(number)
        task.cancel()

    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, stop, number)
    try:
        return await task
    except asyncio.CancelledError:
        if received:
            raise Interrupted(received[0]) from None
        raise
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


async def stopped() -> None:
    """Return when a signal ends the command, which is then no interruption but its end."""
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
