"""The filter language: lookups are parsed into nodes and values, and nodes compiled to SQL.

The modules in the order of the pipeline: ``trees`` has ``any_of`` and its siblings, as users write
them; ``conditions`` parses everything that ``where`` takes, and ``parse`` a single lookup; the
table of all operators is in ``operators``; ``operands`` validates what a lookup is compared with;
``nodes`` defines the parsed tree; ``compile`` turns it into an SQL expression, and ``joins``
keeps the joins that the expression needs.
"""

from __future__ import annotations

from colonnade.filters.always import matches_every_row, matches_no_row
from colonnade.filters.compile import compile_node
from colonnade.filters.conditions import ParsedConditions, coerce_expression, parse_conditions
from colonnade.filters.given import Given, GivenOperand, expand_pairs, given_names
from colonnade.filters.joins import ComputedRelation, JoinTree
from colonnade.filters.nodes import And, Comparison, Every, Node, Not, Or, Some, SQLCondition
from colonnade.filters.operands import Pair, key_value_of
from colonnade.filters.operators import OPERATORS, Operator, check_models
from colonnade.filters.parse import parse_lookup, parse_lookups, resolve_comparison
from colonnade.filters.trees import Condition, ConditionTree, all_of, any_of, every, not_, some

__all__ = [
    "OPERATORS",
    "And",
    "Comparison",
    "ComputedRelation",
    "Condition",
    "ConditionTree",
    "Every",
    "Given",
    "GivenOperand",
    "JoinTree",
    "Node",
    "Not",
    "Operator",
    "Or",
    "Pair",
    "ParsedConditions",
    "SQLCondition",
    "Some",
    "all_of",
    "any_of",
    "check_models",
    "coerce_expression",
    "compile_node",
    "every",
    "expand_pairs",
    "given_names",
    "key_value_of",
    "matches_every_row",
    "matches_no_row",
    "not_",
    "parse_conditions",
    "parse_lookup",
    "parse_lookups",
    "resolve_comparison",
    "some",
]
