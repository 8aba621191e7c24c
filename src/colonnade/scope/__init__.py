"""Scopes: criteria that hold wherever a model occurs (tenants, soft deletion, row policies).

``declared`` has ``Scope``, which models declare, and ``rules`` finds the scopes of a table.
``bindings`` are a session's values for scopes; ``subjects`` checks them against the columns that
they are compared with. ``compiler`` adds the criteria to every statement, and ``occurrences`` finds
the tables of one. ``writes`` checks INSERT and UPDATE statements and ``objects`` what a flush would
write; ``defaults`` (values of unnamed columns) and ``references`` (foreign keys) serve both.
"""

from __future__ import annotations

from colonnade.scope.bindings import UNSCOPED, Bindings, ScopePart
from colonnade.scope.compiler import (
    UPGRADE_HINT,
    bindings_in,
    install_scopes,
    options_for,
    values_for,
)
from colonnade.scope.declared import Scope
from colonnade.scope.objects import check_objects, scope_values_of
from colonnade.scope.occurrences import computed_of_scoped, require_scope_values, tables_in
from colonnade.scope.references import Lookups, scoped_references_of
from colonnade.scope.rules import (
    has_any_scope,
    register_scopes,
    relations_to_scoped,
    rules_of,
    scopes_hiding,
    scopes_of,
)
from colonnade.scope.writes import CheckedWrite, check_write

__all__ = [
    "UNSCOPED",
    "UPGRADE_HINT",
    "Bindings",
    "CheckedWrite",
    "Lookups",
    "Scope",
    "ScopePart",
    "bindings_in",
    "check_objects",
    "check_write",
    "computed_of_scoped",
    "has_any_scope",
    "install_scopes",
    "options_for",
    "register_scopes",
    "relations_to_scoped",
    "require_scope_values",
    "rules_of",
    "scope_values_of",
    "scoped_references_of",
    "scopes_hiding",
    "scopes_of",
    "tables_in",
    "values_for",
]
