"""Figures that a schema declares, such as ``Count`` and ``Exists``, resolved against a model."""

from __future__ import annotations

from colonnade.aggregates.declarations import Aggregate, Avg, Count, Exists, Group, Max, Min, Sum
from colonnade.aggregates.groups import (
    Grouped,
    figures_class_of,
    groups_of,
    resolve_groups,
    resolve_row_aggregates,
)
from colonnade.aggregates.resolve import ResolvedAggregate

__all__ = [
    "Aggregate",
    "Avg",
    "Count",
    "Exists",
    "Group",
    "Grouped",
    "Max",
    "Min",
    "ResolvedAggregate",
    "Sum",
    "figures_class_of",
    "groups_of",
    "resolve_groups",
    "resolve_row_aggregates",
]
