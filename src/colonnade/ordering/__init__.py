"""Order: ``terms`` are what to sort by, ``columns`` their SQL, ``indexes`` what serves them."""

from __future__ import annotations

from colonnade.ordering.columns import exact, sortable, sorted_by
from colonnade.ordering.indexes import missing_index, scroll_index
from colonnade.ordering.terms import (
    Order,
    Term,
    closed,
    each_once,
    flipped,
    term_of,
    terms_of,
)

__all__ = [
    "Order",
    "Term",
    "closed",
    "each_once",
    "exact",
    "flipped",
    "missing_index",
    "scroll_index",
    "sortable",
    "sorted_by",
    "term_of",
    "terms_of",
]
