"""``Timestamps``: the mixin with the times when a row was created and last updated."""

from datetime import datetime
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapper
from sqlalchemy.orm.attributes import set_attribute
from sqlmodel import Field, SQLModel

from colonnade.models.clock import statement_time, utc_now
from colonnade.models.datetime_utc import DateTimeUTC

__all__ = ["Timestamps"]


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
def _start_equal(mapper: Mapper[Any], connection: Connection, row: Timestamps) -> None:
    """Set ``updated_at`` to ``created_at`` in a new row, unless it was given."""
    if "updated_at" not in row.model_fields_set:
        set_attribute(row, "updated_at", row.created_at)
