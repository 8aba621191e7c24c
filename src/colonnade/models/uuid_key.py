"""``UUIDKey``: the mixin with a UUID as primary key that the application makes."""

from uuid import UUID

from sqlmodel import Field, SQLModel

from colonnade.models.uuids import uuid7

__all__ = ["UUIDKey"]


class UUIDKey(SQLModel):
    """A model with ``id``, a UUID of version 7: known before the flush, and in order of creation.

    A native UUID on PostgreSQL and on MariaDB from 10.7, ``CHAR(32)`` elsewhere.
    """

    id: UUID = Field(default_factory=uuid7, primary_key=True)
