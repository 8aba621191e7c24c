"""SQL elements that SQLAlchemy does not have and that each database spells in its own way."""

from __future__ import annotations

from colonnade.sql.order import build_exact, build_order_term, build_sortable

__all__ = ["build_exact", "build_order_term", "build_sortable"]
