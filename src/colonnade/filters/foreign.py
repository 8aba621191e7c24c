"""Names of operators in Django, SQLAlchemy, Tortoise and Peewee, and what they are called here.

None of these names is accepted: an operator has one name. The table is for the hints of errors.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

__all__ = ["suggest_operator"]

_NAMES: Final = {
    "eq": "exact equal equals equal_to is_equal eq_",
    "ne": "not neq noteq not_eq not_equal not_equals ne_",
    "gt": "greater greater_than above after gt_",
    "gte": "ge greater_equal greater_or_equal greater_than_or_equal at_least since min gte_",
    "lt": "less less_than below before lt_",
    "lte": "le less_equal less_or_equal less_than_or_equal at_most until max lte_",
    "between": "range bw btw between_",
    "in": "in_ is_in one_of within",
    "not_in": "nin notin notin_ not_in_ none_of",
    "is": "is_",
    "is_not": "isnot isnot_ is_not_",
    "isnull": "null is_null isnone is_none none",
    "like": "like_",
    "notlike": "not_like nlike not_like_",
    "notilike": "not_ilike nilike",
    "contains": "has substring contains_",
    "startswith": "starts_with starts begins begins_with beginswith prefix",
    "istartswith": "istarts_with",
    "endswith": "ends_with ends suffix",
    "iendswith": "iends_with",
    "iexact": "ieq iequals",
    "match": "search matches fulltext full_text",
    "has_key": "haskey has_keys",
    "overlap": "overlaps has_any any_of",
    "includes": "contains_all has_all all_of",
}
_NOT_NULL: Final = "not_isnull notnull not_null isnotnull is_not_null is_notnull exists"
_PATTERNS: Final = "regex iregex regexp iregexp rlike posix_regex regexp_match"
_PARTS: Final = (
    "date time year iso_year month quarter week week_day iso_week_day day hour minute second "
    "weekday microsecond"
)

_HINTS: Final = MappingProxyType(
    {
        **{word: repr(ours) for ours, words in _NAMES.items() for word in words.split()},
        **dict.fromkeys(_NOT_NULL.split(), "'isnull' with False"),
        **dict.fromkeys(
            _PATTERNS.split(),
            "'like' for patterns, or an expression such as Model.column.regexp_match(…)",
        ),
        **dict.fromkeys(
            _PARTS.split(),
            "'between' with two moments, or an expression such as extract('year', Model.column)",
        ),
        **dict.fromkeys(
            ("len", "length", "lower", "upper"),
            "an expression, such as func.length(Model.column) > 3",
        ),
    }
)


def suggest_operator(word: str) -> str | None:
    """Return what to write instead of another library's operator; None for an unknown word."""
    return _HINTS.get(word.lower().strip("_")) or _HINTS.get(word.lower())
