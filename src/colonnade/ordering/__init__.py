"""Sort rows: ``sort_keys`` parses names and expressions, ``indexes`` finds what serves an order."""

from __future__ import annotations

from colonnade.ordering.indexes import missing_index, scroll_index
from colonnade.ordering.sort_keys import (
    Order,
    SortKey,
    drop_repeated_keys,
    flip_sort_key,
    sort_key_of,
    sort_keys_of,
    with_primary_key,
)

__all__ = [
    "Order",
    "SortKey",
    "drop_repeated_keys",
    "flip_sort_key",
    "missing_index",
    "scroll_index",
    "sort_key_of",
    "sort_keys_of",
    "with_primary_key",
]
