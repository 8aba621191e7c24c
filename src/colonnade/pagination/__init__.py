"""Pages of a longer list."""

from __future__ import annotations

from colonnade.pagination.page import Page, check_bounds, check_page

__all__ = ["Page", "check_bounds", "check_page"]
