"""Repeat a whole unit of work after an error that may not occur again.

``Database.run`` uses it. A unit of which a part is, or may be, stored is never repeated blindly.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import stamina

from colonnade.errors import (
    ConnectionFailed,
    ConnectionLost,
    InvalidSetting,
    ReadOnlyServer,
    Retryable,
)

__all__ = ["CommitLost", "repeat_unit"]

T = TypeVar("T")

_FIRST_WAIT: Final = 0.01
_LONGEST_WAIT: Final = 1.0
_JITTER: Final = 0.05
_FAILOVER: Final = (ConnectionFailed, ConnectionLost, ReadOnlyServer)


class CommitLost(ConnectionLost):
    """A COMMIT was not answered, and ``verify`` found that it had not happened."""


async def repeat_unit(
    once: Callable[[], Awaitable[T]],
    *,
    attempts: int,
    timeout: float,
    reconnect: bool,
    lasting: Callable[[], bool] = lambda: False,
) -> T:
    """Await ``once``, again and again until it succeeds, fails for good, or a limit is reached.

    It has failed for good if its error is not one of those that a repetition can cure, or if
    ``lasting()``: a part of the attempt is, or may be, stored. Then the error is raised unchanged.

    The wait between attempts doubles from 10 ms up to 1 s. Its jitter keeps units that collided
    from colliding again.
    """
    if attempts < 1 or timeout <= 0:
        raise InvalidSetting("run needs at least one attempt and a timeout above zero seconds")
    kinds = (Retryable, *(_FAILOVER if reconnect else ()))

    def again(error: Exception) -> bool:
        return isinstance(error, CommitLost) or (isinstance(error, kinds) and not lasting())

    retrying = stamina.AsyncRetryingCaller(
        attempts=attempts,
        timeout=timeout,
        wait_initial=_FIRST_WAIT,
        wait_max=_LONGEST_WAIT,
        wait_jitter=_JITTER,
    )
    return await retrying(again, once)
