"""End a command: by its result, by an error that is printed in one line, or by a signal."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine
from typing import Any, Final

from colonnade.errors import ColonnadeError, DatabaseError, InvalidStatement

__all__ = [
    "CommandFailure",
    "Interrupted",
    "describe_error",
    "run_until_signal",
    "wait_for_signal",
]

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class CommandFailure(Exception):
    """The error of a command that cannot go on; its text is printed for the user."""


def describe_error(error: Exception) -> str:
    """Return the message of an error, its cause and its hint, without a line break."""
    if not isinstance(error, ColonnadeError):
        return _join_lines(str(error) or type(error).__name__)
    parts = [error.message, _driver_message(error), error.hint]
    if isinstance(error, InvalidStatement):
        parts.append("if other tables have the same names, name an empty database")
    return _join_lines("; ".join(part for part in parts if part))


def _driver_message(error: ColonnadeError) -> str | None:
    """Return the first line of the driver's message, or None.

    It may show values or parts of the URL, so errors do not contain it; but the user of the
    command line has typed the URL and may see it.
    """
    cause = error.__cause__
    if not isinstance(error, DatabaseError) or cause is None:
        return None
    lines = str(getattr(cause, "orig", None) or cause).splitlines()
    return lines[0] if lines else None


def _join_lines(text: str) -> str:
    """Return a text in one line."""
    return " ".join(text.split())


class Interrupted(Exception):
    """A signal ended the command. ``status`` is the exit status for it, as shells expect it."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number.name)
        self.status = 128 + number


def run_until_signal(work: Coroutine[Any, Any, int]) -> int:
    """Run ``work`` in a new event loop and return its result.

    Raise ``Interrupted`` if a signal cancelled it.
    """
    return asyncio.run(_run_cancellable(work))


async def _run_cancellable(work: Coroutine[Any, Any, int]) -> int:
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


async def wait_for_signal() -> None:
    """Wait for a signal, then return: for a server this is the normal way to end."""
    # The signal cancels the task that waits here. The cancellation goes no further.
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
