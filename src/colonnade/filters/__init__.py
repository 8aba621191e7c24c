"""The filter language: lookups are parsed into nodes and values, and nodes compiled to SQL.

The modules in the order of the pipeline: ``trees`` has ``any_of`` and its siblings, as users write
them; ``conditions`` parses everything that ``where`` takes, and ``parse`` a single lookup; the
table of all operators is in ``operators``; ``operands`` validates what a lookup is compared with;
``nodes`` defines the parsed tree; ``compile`` turns it into an SQL expression, and ``sources``
keeps the joins that the expression needs.
"""

from __future__ import annotations

from colonnade.filters.always import filters_nothing, finds_nothing
from colonnade.filters.awaited import Awaited, bound_by_key
from colonnade.filters.check import check_models
from colonnade.filters.compile import compile_node
from colonnade.filters.conditions import Conditions, conditions
from colonnade.filters.expressions import expression
from colonnade.filters.nodes import And, Every, Node, Not, Or, Raw, Some, Where
from colonnade.filters.operands import Pair
from colonnade.filters.operators import OPERATORS, Operator
from colonnade.filters.parse import bound_leaf, lookup, lookups
from colonnade.filters.sources import Computed, Sources
from colonnade.filters.trees import Condition, Tree, all_of, any_of, every, not_, some
from colonnade.filters.values import key_value_of
from colonnade.mapping import Given

__all__ = [
    "OPERATORS",
    "And",
    "Awaited",
    "Computed",
    "Condition",
    "Conditions",
    "Every",
    "Given",
    "Node",
    "Not",
    "Operator",
    "Or",
    "Pair",
    "Raw",
    "Some",
    "Sources",
    "Tree",
    "Where",
    "all_of",
    "any_of",
    "bound_by_key",
    "bound_leaf",
    "check_models",
    "compile_node",
    "conditions",
    "every",
    "expression",
    "filters_nothing",
    "finds_nothing",
    "key_value_of",
    "lookup",
    "lookups",
    "not_",
    "some",
]
