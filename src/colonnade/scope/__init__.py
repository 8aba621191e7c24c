"""What holds for every occurrence of a model: tenants, soft deletion, row policies.

``declared`` is what a model says and ``rules`` finds it by table; ``bindings`` are a session's
values for it, which ``subjects`` checks; ``compiler`` puts it into statements, which ``caches``
keeps; ``writes``, ``objects``, ``defaults`` and ``references`` say what a write may not do.
"""

from __future__ import annotations

from colonnade.scope.bindings import UNSCOPED, Bindings, Part
from colonnade.scope.compiler import RELEASES, carried, install, options_for, values_for
from colonnade.scope.declared import Scope
from colonnade.scope.objects import check_objects, filled
from colonnade.scope.occurrences import require, tables_in
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
