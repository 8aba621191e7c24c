"""``Versioned``: the mixin that counts the writes of a row, so that lost updates are noticed."""

from typing import Any

from sqlalchemy import Column, ColumnDefault, event
from sqlalchemy.orm import Mapper
from sqlmodel import Field, SQLModel

__all__ = ["Versioned"]


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
