"""In charge of what a database says of itself: whether it answers, and how busy its pool is."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Health", "PoolStatus"]


@dataclass(frozen=True)
class Health:
    """The answer of ``Database.check``; true when the database answered.

    ``seconds`` is how long the answer took. ``error`` is the code of what went wrong and
    ``message`` its text; neither holds a password or an address.
    """

    ok: bool
    seconds: float
    error: str | None = None
    message: str | None = None

    def __bool__(self) -> bool:
        return self.ok


@dataclass(frozen=True)
class PoolStatus:
    """How many units may run, run now and wait, in the running event loop.

    ``idle`` connections are open and unused; ``longest`` is for how many seconds the oldest unit
    has been running. ``readers`` is the same for readers, ``None`` until there was one.
    """

    capacity: int
    in_use: int
    waiting: int
    idle: int
    longest: float
    readers: PoolStatus | None = None
