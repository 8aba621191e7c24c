"""``IntegerKey``: the mixin with an integer as primary key that the database counts up."""

from sqlmodel import Field, SQLModel

__all__ = ["IntegerKey"]


class IntegerKey(SQLModel):
    """A model with ``id``, an integer that the database gives; None until the row is flushed."""

    id: int | None = Field(default=None, primary_key=True)
