"""Warn during development when one SELECT runs again and again in a unit of work.

A statement for each row of a list is slow, and no test of the result notices it. What runs in a
loop could nearly always run once for all rows.
"""

from __future__ import annotations

import sys
import warnings
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType
from typing import Any, Final
from weakref import WeakKeyDictionary

from greenlet import getcurrent
from sqlalchemy import Connection, Engine, event

__all__ = ["RepeatedStatement", "allow_repeats", "count_for", "warn_repeated"]

#: Packages whose frames are skipped in the search for the code that runs a statement.
_LIBRARIES: Final = frozenset({"colonnade", "sqlalchemy", "sqlmodel", "contextlib", "asyncio"})
_LONGEST: Final = 300

#: What has run over a connection, for as long as it is lent; see ``count_for``.
_COUNTERS: Final[WeakKeyDictionary[Connection, Counter[str]]] = WeakKeyDictionary()

_ALLOWED: Final[ContextVar[bool]] = ContextVar("colonnade_repeating", default=False)


class RepeatedStatement(UserWarning):
    """One SELECT ran ``Database(warn_repeated=…)`` times in one unit of work."""


def warn_repeated(engine: Engine, times: int) -> None:
    """Warn when a SELECT runs for the ``times``-th time in one session on ``engine``.

    The warning points to the line that runs it, and shows the statement without its values.
    """

    @event.listens_for(engine, "before_cursor_execute")
    def _count(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith("SELECT") or _ALLOWED.get():
            return
        # Without a session, what runs over one connection until it is given back counts together.
        counted = _COUNTERS.setdefault(connection, Counter())
        counted[statement] += 1
        if counted[statement] == times:
            _warn_of_statement(statement, times)


def count_for(connection: Connection, counted: Counter[str]) -> None:
    """Count what runs over a connection in ``counted``, which its session keeps.

    A reader gives its connection back after each statement, and a unit of work with each commit, so
    the counts cannot belong to the connection alone.
    """
    _COUNTERS[connection] = counted


@contextmanager
def allow_repeats() -> Generator[None]:
    """Silence the warning in a block that repeats a SELECT on purpose, as for a list in parts."""
    token = _ALLOWED.set(True)
    try:
        yield
    finally:
        _ALLOWED.reset(token)


def _warn_of_statement(statement: str, times: int) -> None:
    text = " ".join(statement.split())
    shown = f"{text[:_LONGEST]} …" if len(text) > _LONGEST else text
    message = (
        f"one statement ran {times} times in this unit of work: {shown}\n"
        "ask once, for all rows: load=…, a nested schema, get_many(keys) or where(field__in=…)"
    )
    frame = _find_caller()
    warnings.warn_explicit(
        message,
        RepeatedStatement,
        "<unknown>" if frame is None else frame.f_code.co_filename,
        0 if frame is None else frame.f_lineno,
        registry=None,
    )


def _find_caller() -> FrameType | None:
    """Return the frame outside of the libraries that awaits the running statement."""
    frame: FrameType | None = sys._getframe(1)
    # SQLAlchemy runs in a greenlet of its own; the awaiting code is in the greenlet around it.
    running: Any = getcurrent()
    while running is not None:
        while frame is not None:
            if frame.f_globals.get("__name__", "").partition(".")[0] not in _LIBRARIES:
                return frame
            frame = frame.f_back
        running = running.parent
        frame = None if running is None else running.gr_frame
    return None
