"""The clock of the mixins: every time that they write comes from here.

It is the application's clock and not the server's, for three reasons. MariaDB cannot return what
an UPDATE computed, and elsewhere this costs a round trip or a lazy load, while a value that the
client sends is known as soon as the flush ends. SQLite's clock has milliseconds only. And ``now()``
means something else on each server: the start of the transaction on PostgreSQL, the start of the
statement on MariaDB, the first step of the statement on SQLite. The price is that the times of
several application servers agree only as well as their clocks do.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import Column, ColumnDefault, ColumnElement, event, literal
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapper
from sqlalchemy.orm.attributes import set_attribute
from sqlmodel import Field, SQLModel

from colonnade.models.datetime_utc import DateTimeUTC

if TYPE_CHECKING:
    from sqlalchemy.engine import ExecutionContext
if TYPE_CHECKING:
    from sqlalchemy import Column, Table

__all__ = [
    "IntegerKey",
    "SoftDelete",
    "Timestamps",
    "UUIDKey",
    "Versioned",
    "statement_time",
    "touched",
    "utc_now",
    "uuid7",
]

#: The time of each statement that is being executed, for its other rows and columns.
_statement_times: WeakKeyDictionary[ExecutionContext, datetime] = WeakKeyDictionary()


def utc_now() -> datetime:
    """Return the current time as an aware datetime in UTC, with microseconds."""
    return datetime.now(UTC)


def statement_time(context: ExecutionContext | None) -> datetime:
    """Return the same time for every row and column that one statement writes.

    This is a column default. SQLAlchemy passes the ``context`` of the execution, which is the same
    object for all rows of a statement and lives as long as it. Without one, return ``utc_now()``.
    """
    return utc_now() if context is None else _statement_times.setdefault(context, utc_now())


_COUNTER_BITS = 42
_COUNTER_END = 1 << _COUNTER_BITS


class _UUID7Generator:
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


def _current_milliseconds() -> int:
    """Return the current time in milliseconds."""
    return time.time_ns() // 1_000_000


uuid7: Callable[[], UUID] = getattr(uuid, "uuid7", None) or _UUID7Generator(
    _current_milliseconds, os.urandom
)


class IntegerKey(SQLModel):
    """A model with ``id``, an integer that the database gives; None until the row is flushed."""

    id: int | None = Field(default=None, primary_key=True)


class UUIDKey(SQLModel):
    """A model with ``id``, a UUID of version 7: known before the flush, and in order of creation.

    A native UUID on PostgreSQL and on MariaDB from 10.7, ``CHAR(32)`` elsewhere.
    """

    id: UUID = Field(default_factory=uuid7, primary_key=True)


class SoftDelete(SQLModel):
    """A model with ``deleted_at``: when the row was deleted, or None if it was not."""

    deleted_at: datetime | None = Field(default=None, sa_type=DateTimeUTC)

    @property
    def is_deleted(self) -> bool:
        """True if the row is marked as deleted."""
        return self.deleted_at is not None

    def soft_delete(self) -> None:
        """Mark the row as deleted now. A second call keeps the first time; the flush writes it."""
        if self.deleted_at is None:
            self.deleted_at = utc_now()

    def restore(self) -> None:
        """Remove the mark. The flush writes it."""
        self.deleted_at = None


def touched(table: Table) -> dict[Column[Any], ColumnElement[Any]]:
    """Return each column of ``table`` with an ``onupdate``, and the expression to set it to.

    ``ON CONFLICT DO UPDATE`` and ``ON DUPLICATE KEY UPDATE`` ignore ``onupdate``; pass them this.
    Call it once for each statement: a callable ``onupdate`` is called now (with None, since there
    is no execution context yet), and all columns of the library's clock get the same time.
    """
    moment = statement_time(None)
    return {
        column: _onupdate_expression(column, column.onupdate, moment)
        for column in table.columns
        if isinstance(column.onupdate, ColumnDefault)
    }


def _onupdate_expression(
    column: Column[Any], default: ColumnDefault, moment: Any
) -> ColumnElement[Any]:
    """Return the value of an ``onupdate`` as an SQL expression."""
    if default.is_clause_element:
        return cast("ColumnElement[Any]", default.arg)
    if not default.is_callable:
        return literal(default.arg, column.type)
    call = cast("Callable[[Any], Any]", default.arg)
    return literal(moment if call is statement_time else call(None), column.type)


class Timestamps(SQLModel):
    """A model with ``created_at`` and ``updated_at``, aware and in UTC, with microseconds.

    Every UPDATE that does not set ``updated_at`` itself sets it: of a flush, a bulk update or a
    Core statement, with or without RETURNING. An upsert does not, see ``touched``.
    """

    # Not sa_column: a Column belongs to one table, and the mixin is in many.
    created_at: datetime = Field(
        default_factory=utc_now,
        nullable=False,
        sa_type=DateTimeUTC,
        sa_column_kwargs={"default": statement_time},
    )
    updated_at: datetime = Field(
        default_factory=utc_now,
        nullable=False,
        sa_type=DateTimeUTC,
        sa_column_kwargs={"default": statement_time, "onupdate": statement_time},
    )


# The two defaults are made one after the other, some microseconds apart. But a row that was never
# updated must have equal times.
@event.listens_for(Timestamps, "before_insert", propagate=True)
def _set_equal_times(mapper: Mapper[Any], connection: Connection, row: Timestamps) -> None:
    """Set ``updated_at`` to ``created_at`` in a new row, unless it was given."""
    if "updated_at" not in row.model_fields_set:
        set_attribute(row, "updated_at", row.created_at)


class Versioned(SQLModel):
    """A model with ``version``: 1 for a new row, and one more after every write.

    A flush checks it (SQLAlchemy's ``version_id_col``) and raises ``StaleDataError`` if somebody
    else has written the row since it was read. An UPDATE outside of a flush, bulk or Core, with or
    without RETURNING, adds one in the database. An upsert does not, see ``touched``.
    """

    version: int = Field(default=1, nullable=False)


# An event and not __mapper_args__: a model with __mapper_args__ of its own would replace those of
# the mixin, and lose the check silently.
@event.listens_for(Versioned, "instrument_class", propagate=True)
def _count_every_write(mapper: Mapper[Any], model: type[Any]) -> None:
    """Make ``version`` the version column of a new mapper, counted up by every UPDATE."""
    column = mapper.local_table.c.version
    assert isinstance(column, Column)
    mapper.version_id_col = column
    # SQLAlchemy counts up only in a flush; the column's onupdate does it in every other UPDATE.
    # It is made of this table's own column: in UPDATE … FROM a bare "version" would be ambiguous.
    default = ColumnDefault(column + 1, for_update=True)
    default.column = column
    column.onupdate = default
