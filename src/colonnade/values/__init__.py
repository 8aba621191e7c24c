"""Check and convert the values of columns, before any connection is taken.

``rules`` is the way in: it chooses a rule by the column's SQL type from the modules for texts,
numbers, dates, enums and JSON. Lookups, writes, cursors and scopes all use it.
"""

from __future__ import annotations

from colonnade.values.equality import equal_as_asked, equal_as_referred, may_return_otherwise
from colonnade.values.families import Family, family_of, item_type, plain_type
from colonnade.values.many import QuickCheck, quick_check_of
from colonnade.values.numbers import integer_bounds
from colonnade.values.rules import (
    attribute_python_type,
    column_python_type,
    is_user_type,
    python_type_for_errors,
    rule_of,
    strip_validators,
)
from colonnade.values.texts import text_problem
from colonnade.values.unfit import Rule, TooLarge, UnfitValue

__all__ = [
    "Family",
    "QuickCheck",
    "Rule",
    "TooLarge",
    "UnfitValue",
    "attribute_python_type",
    "column_python_type",
    "equal_as_asked",
    "equal_as_referred",
    "family_of",
    "integer_bounds",
    "is_user_type",
    "item_type",
    "may_return_otherwise",
    "plain_type",
    "python_type_for_errors",
    "quick_check_of",
    "rule_of",
    "strip_validators",
    "text_problem",
]
