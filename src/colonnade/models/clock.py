"""The clock of the mixins: every time that they write comes from here.

It is the application's clock and not the server's, for three reasons. MariaDB cannot return what
an UPDATE computed, and elsewhere this costs a round trip or a lazy load, while a value that the
client sends is known as soon as the flush ends. SQLite's clock has milliseconds only. And ``now()``
means something else on each server: the start of the transaction on PostgreSQL, the start of the
statement on MariaDB, the first step of the statement on SQLite. The price is that the times of
several application servers agree only as well as their clocks do.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from sqlalchemy.engine import ExecutionContext

__all__ = ["statement_time", "utc_now"]

#: The time of each statement that is being executed, for its other rows and columns.
_moments: WeakKeyDictionary[ExecutionContext, datetime] = WeakKeyDictionary()


def utc_now() -> datetime:
    """Return the current time as an aware datetime in UTC, with microseconds."""
    return datetime.now(UTC)


def statement_time(context: ExecutionContext | None) -> datetime:
    """Return the same time for every row and column that one statement writes.

    This is a column default. SQLAlchemy passes the ``context`` of the execution, which is the same
    object for all rows of a statement and lives as long as it. Without one, return ``utc_now()``.
    """
    return utc_now() if context is None else _moments.setdefault(context, utc_now())
