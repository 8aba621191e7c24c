"""What is read beside the rows themselves: ``plan`` for schemas, ``options`` for entities."""

from __future__ import annotations

from colonnade.loading.aggregates import Aggregate, Avg, Count, Exists, Group, Max, Min, Sum
from colonnade.loading.exact import Written, inexact, written_of
from colonnade.loading.fit import check_arguments, plan_of, plan_of_select
from colonnade.loading.forms import Form
from colonnade.loading.groups import Grouped, figures_of, grouped, groups_of, rows_measures
from colonnade.loading.hiding import check_hidden
from colonnade.loading.measures import Measure
from colonnade.loading.options import loader_options
from colonnade.loading.plan import Leaf, Nested, Plan
from colonnade.loading.standin import stand_in
from colonnade.loading.terms import Requires, Rows, Unscoped
from colonnade.loading.validator import validator_of

__all__ = [
    "Aggregate",
    "Avg",
    "Count",
    "Exists",
    "Form",
    "Group",
    "Grouped",
    "Leaf",
    "Max",
    "Measure",
    "Min",
    "Nested",
    "Plan",
    "Requires",
    "Rows",
    "Sum",
    "Unscoped",
    "Written",
    "check_arguments",
    "check_hidden",
    "figures_of",
    "grouped",
    "groups_of",
    "inexact",
    "loader_options",
    "plan_of",
    "plan_of_select",
    "rows_measures",
    "stand_in",
    "validator_of",
    "written_of",
]
