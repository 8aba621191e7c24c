"""SQL elements that SQLAlchemy does not have and that each database spells in its own way."""

from __future__ import annotations

from colonnade.sql.order import exact, sortable, sorted_by

__all__ = ["exact", "sortable", "sorted_by"]
