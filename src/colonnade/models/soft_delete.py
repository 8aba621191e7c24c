"""``SoftDelete``: the mixin for rows that are marked as deleted instead of being removed."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from colonnade.models.clock import utc_now
from colonnade.models.datetime_utc import DateTimeUTC

__all__ = ["SoftDelete"]


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
