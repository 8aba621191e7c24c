"""Handle Ctrl-C and SIGTERM: both cancel the command's task, so that it ends in order."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine
from typing import Any, Final

__all__ = ["Interrupted", "run", "stopped"]

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Interrupted(Exception):
    """A signal ended the command. ``status`` is the exit status for it, as shells expect it."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number.name)
        self.status = 128 + number


def run(work: Coroutine[Any, Any, int]) -> int:
    """Run ``work`` in a new event loop and return its result.

    Raise ``Interrupted`` if a signal cancelled it.
    """
    return asyncio.run(_watched(work))


async def _watched(work: Coroutine[Any, Any, int]) -> int:
    """Run ``work`` in a task that a signal cancels."""
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
    """Wait for a signal, then return: for a server this is the normal way to end."""
    # The signal cancels the task that waits here. The cancellation goes no further.
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
