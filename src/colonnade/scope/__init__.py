"""Scopes: criteria that hold wherever a model occurs (tenants, soft deletion, row policies).

``declared`` has ``Scope``, which models declare, and ``rules`` finds the scopes of a table.
``bindings`` are a session's values for scopes; ``subjects`` checks them against the columns that
they are compared with. ``compiler`` adds the criteria to every statement, and ``occurrences`` finds
the tables of one. ``writes`` checks INSERT and UPDATE statements and ``objects`` what a flush would
write; ``defaults`` (values of unnamed columns) and ``references`` (foreign keys) serve both.
"""

from __future__ import annotations

from colonnade.scope.bindings import UNSCOPED, Bindings, Part
from colonnade.scope.compiler import RELEASES, carried, install, options_for, values_for
from colonnade.scope.declared import Scope
from colonnade.scope.objects import check_objects, filled
from colonnade.scope.occurrences import computed_of_scoped, require, tables_in
from colonnade.scope.references import Lookups, references
from colonnade.scope.rules import (
    any_rules,
    declare,
    relations_to_scoped,
    rules_of,
    scopes_hiding,
    scopes_of,
)
from colonnade.scope.writes import Write, checked

__all__ = [
    "RELEASES",
    "UNSCOPED",
    "Bindings",
    "Lookups",
    "Part",
    "Scope",
    "Write",
    "any_rules",
    "carried",
    "check_objects",
    "checked",
    "computed_of_scoped",
    "declare",
    "filled",
    "install",
    "options_for",
    "references",
    "relations_to_scoped",
    "require",
    "rules_of",
    "scopes_hiding",
    "scopes_of",
    "tables_in",
    "values_for",
]
