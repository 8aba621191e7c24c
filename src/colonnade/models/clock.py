"""The clock behind every time that a mixin writes.

The application's clock, not the server's, for three reasons. MariaDB cannot return what an UPDATE
computed, and elsewhere it costs a round trip or a lazy load, while a value bound by the client is
known as soon as the flush ends. SQLite's own clock stops at milliseconds. And a server's ``now()``
means the start of the transaction on PostgreSQL, the start of the statement on MariaDB and the
first step of the statement on SQLite. The price: several application servers agree only as well
as their clocks do.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from sqlalchemy.engine import ExecutionContext

__all__ = ["statement_time", "utc_now"]

_moments: WeakKeyDictionary[ExecutionContext, datetime] = WeakKeyDictionary()


def utc_now() -> datetime:
    """The present moment as an aware UTC datetime with microseconds."""
    return datetime.now(UTC)


def statement_time(context: ExecutionContext | None) -> datetime:
    """One moment for every row and column that a statement writes.

    A column default: SQLAlchemy hands in the ``context`` of the execution, which lives as long as
    the statement and is the same for all of its rows. Without one it is ``utc_now()``.
    """
    return utc_now() if context is None else _moments.setdefault(context, utc_now())
