"""The mixin for a primary key that the database counts up."""

from sqlmodel import Field, SQLModel

__all__ = ["IntegerKey"]


class IntegerKey(SQLModel):
    """``id``, an integer given by the database; ``None`` until the row is flushed."""

    id: int | None = Field(default=None, primary_key=True)
