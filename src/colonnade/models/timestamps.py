"""The mixin that says when a row was made and when it was last written."""

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
    """``created_at`` and ``updated_at``, aware and in UTC, with microseconds.

    ``updated_at`` is set by every UPDATE that does not name it: a flush, a bulk update, a Core
    statement, with or without RETURNING. An upsert must be told, see ``touched``.
    """

    # sa_type and sa_column_kwargs, since a Column in a mixin can belong to one table only.
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


# Each default is made by itself, some microseconds apart; a row not written since should say so.
@event.listens_for(Timestamps, "before_insert", propagate=True)
def _start_equal(mapper: Mapper[Any], connection: Connection, row: Timestamps) -> None:
    if "updated_at" not in row.model_fields_set:
        set_attribute(row, "updated_at", row.created_at)
