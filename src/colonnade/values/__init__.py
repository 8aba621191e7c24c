"""Check and convert the values of columns, before any connection is taken.

``rules`` is the way in: it chooses a rule by the column's SQL type from the modules for texts,
numbers, dates, enums and JSON. Lookups, writes, cursors and scopes all use it.
"""

from colonnade.values.annotations import kind_at, kind_of, plain_kind
from colonnade.values.equality import equal_as_asked, equal_as_referred, returned_otherwise
from colonnade.values.families import Family, family_of, item_type, plain_type
from colonnade.values.many import Glance, glance_of
from colonnade.values.numbers import bounds_of
from colonnade.values.rules import declared_kind, rule_of
from colonnade.values.texts import unfit_text
from colonnade.values.unfit import Rule, TooLarge, Unfit

__all__ = [
    "Family",
    "Glance",
    "Rule",
    "TooLarge",
    "Unfit",
    "bounds_of",
    "declared_kind",
    "equal_as_asked",
    "equal_as_referred",
    "family_of",
    "glance_of",
    "item_type",
    "kind_at",
    "kind_of",
    "plain_kind",
    "plain_type",
    "returned_otherwise",
    "rule_of",
    "unfit_text",
]
