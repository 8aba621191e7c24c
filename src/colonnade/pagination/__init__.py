"""Parts of a longer list: by number (``page``), offset (``slice``) or place (``cursor``)."""

from __future__ import annotations

from colonnade.pagination.cursor import CursorValue, encoded, seal, unseal
from colonnade.pagination.cursor_page import CursorPage, check_scroll
from colonnade.pagination.page import Count, Page, check_bounds, check_page
from colonnade.pagination.slice import Slice, check_slice

__all__ = [
    "Count",
    "CursorPage",
    "CursorValue",
    "Page",
    "Slice",
    "check_bounds",
    "check_page",
    "check_scroll",
    "check_slice",
    "encoded",
    "seal",
    "unseal",
]
