"""The mixin that counts a row's writes, so that a lost update is noticed."""

from typing import Any

from sqlalchemy import Column, ColumnDefault, event
from sqlalchemy.orm import Mapper
from sqlmodel import Field, SQLModel

__all__ = ["Versioned"]


class Versioned(SQLModel):
    """``version``: 1 for a new row, one more after every write.

    A flush checks it (SQLAlchemy's ``version_id_col``) and raises ``StaleDataError`` when the row
    has moved on. An UPDATE outside the unit of work, bulk or Core, with or without RETURNING,
    adds one in the database. An upsert must be told, see ``touched``.
    """

    version: int = Field(default=1, nullable=False)


# As an event and not as __mapper_args__, which a model's own __mapper_args__ would replace, and
# the rows of that model would go unguarded without a word.
@event.listens_for(Versioned, "instrument_class", propagate=True)
def _count_every_write(mapper: Mapper[Any], model: type[Any]) -> None:
    column = mapper.local_table.c.version
    assert isinstance(column, Column)
    mapper.version_id_col = column
    # SQLAlchemy counts up in a flush only; the column's own onupdate serves every other UPDATE.
    # It names this table's column: in UPDATE ... FROM a bare "version" would be ambiguous.
    default = ColumnDefault(column + 1, for_update=True)
    default.column = column
    column.onupdate = default
