"""Conditions on rows: ``nodes`` are their shape, ``operators`` THE table of what one may ask.

``operands`` checks values, ``parse`` reads lookups into nodes, ``compile``
turns nodes into SQL.
"""

from __future__ import annotations

from colonnade.filters.compile import Sources, compile_node
from colonnade.filters.expressions import expression
from colonnade.filters.nodes import And, Node, Not, Or, Where
from colonnade.filters.operators import OPERATORS, Operator
from colonnade.filters.parse import lookup, lookups

__all__ = [
    "OPERATORS",
    "And",
    "Node",
    "Not",
    "Operator",
    "Or",
    "Sources",
    "Where",
    "compile_node",
    "expression",
    "lookup",
    "lookups",
]
