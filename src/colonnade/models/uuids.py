"""Make UUIDs of version 7, which are unique and sort in the order of their creation.

Python has ``uuid.uuid7`` from 3.14 on, which is used where it exists.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable
from threading import Lock
from uuid import UUID

__all__ = ["uuid7"]

_COUNTER_BITS = 42
_COUNTER_END = 1 << _COUNTER_BITS


class _Generator:
    """A generator of UUIDs by RFC 9562, section 6.2, method 1.

    A counter of 42 bits keeps the UUIDs of one millisecond in order.
    """

    def __init__(self, milliseconds: Callable[[], int], random: Callable[[int], bytes]) -> None:
        self._milliseconds = milliseconds
        self._random = random
        self._lock = Lock()
        self._last = -1
        self._counter = 0

    def __call__(self) -> UUID:
        """Return a UUID that is greater than all that this process has made. Thread-safe."""
        with self._lock:
            self._advance()
            moment, counter = self._last, self._counter
        tail = int.from_bytes(self._random(4))
        high, low = counter >> 30, counter & 0x3FFF_FFFF
        return UUID(int=moment << 80 | 7 << 76 | high << 64 | 2 << 62 | low << 32 | tail)

    def _advance(self) -> None:
        """Move to the next pair of millisecond and counter."""
        now = self._milliseconds()
        if now > self._last:
            self._last, self._counter = now, self._seed()
            return
        # Still in the same millisecond, or the clock was set back: only the counter moves.
        self._counter += 1
        if self._counter == _COUNTER_END:
            # The counter is used up: borrow the next millisecond.
            self._last, self._counter = self._last + 1, self._seed()

    def _seed(self) -> int:
        """Return a random start of the counter, so that UUIDs cannot be guessed."""
        # The highest bit is 0, which leaves room for 2 ** 41 more UUIDs in this millisecond.
        return int.from_bytes(self._random(6)) & (_COUNTER_END // 2 - 1)


def _now() -> int:
    """Return the current time in milliseconds."""
    return time.time_ns() // 1_000_000


uuid7: Callable[[], UUID] = getattr(uuid, "uuid7", None) or _Generator(_now, os.urandom)
