"""Parts of a longer list: ``Page`` by number, ``Slice`` by offset, ``CursorPage`` by cursor.

Each module has a class for the answer and a check of what is asked for; ``cursor`` writes and
reads cursors. Nothing here knows SQL.
"""

from __future__ import annotations

from colonnade.pagination.cursor import CursorValue, encode_cursor_value, seal_cursor, unseal_cursor
from colonnade.pagination.cursor_page import CursorPage, check_scroll
from colonnade.pagination.page import CountMode, Page, check_limit_or_offset, check_page
from colonnade.pagination.slice import Slice, check_slice

__all__ = [
    "CountMode",
    "CursorPage",
    "CursorValue",
    "Page",
    "Slice",
    "check_limit_or_offset",
    "check_page",
    "check_scroll",
    "check_slice",
    "encode_cursor_value",
    "seal_cursor",
    "unseal_cursor",
]
