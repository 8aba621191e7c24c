"""Parts of a longer list: by number (``page``), or by where they begin (``cursor``)."""

from __future__ import annotations

from colonnade.pagination.cursor import CursorValue, encoded, seal, unseal
from colonnade.pagination.cursor_page import CursorPage, check_scroll
from colonnade.pagination.page import Count, Page, check_bounds, check_page

__all__ = [
    "Count",
    "CursorPage",
    "CursorValue",
    "Page",
    "check_bounds",
    "check_page",
    "check_scroll",
    "encoded",
    "seal",
    "unseal",
]
