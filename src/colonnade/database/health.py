"""Describe how a database does: ``Health`` says if it answers, ``PoolStatus`` how busy it is."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Health", "PoolStatus"]


@dataclass(frozen=True)
class Health:
    """The result of ``Database.check``; true if the database answered.

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
    """The numbers of units that may run, run now and wait, in the running event loop.

    ``idle`` is the number of open connections that nobody uses, ``longest`` the seconds for which
    the oldest unit has been running. ``readers`` is the same for readers, ``None`` before the
    first.
    """

    capacity: int
    in_use: int
    waiting: int
    idle: int
    longest: float
    readers: PoolStatus | None = None
