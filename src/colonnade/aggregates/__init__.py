"""Figures that a schema declares, such as ``Count`` and ``Exists``, resolved against a model."""

from __future__ import annotations

from colonnade.aggregates.declarations import Aggregate, Avg, Count, Exists, Group, Max, Min, Sum
from colonnade.aggregates.groups import Grouped, figures_of, grouped, groups_of, rows_measures
from colonnade.aggregates.resolve import Measure

__all__ = [
    "Aggregate",
    "Avg",
    "Count",
    "Exists",
    "Group",
    "Grouped",
    "Max",
    "Measure",
    "Min",
    "Sum",
    "figures_of",
    "grouped",
    "groups_of",
    "rows_measures",
]
