"""Match a Pydantic schema with a model: the plan of what is read, and the validator of the rows."""

from __future__ import annotations

from colonnade.schemas.annotations import Requires, Rows, Unscoped
from colonnade.schemas.hiding import check_hidden
from colonnade.schemas.matcher import check_arguments, plan_of, plan_of_select
from colonnade.schemas.plan import ColumnField, NestedField, Plan
from colonnade.schemas.validator import stand_in_class, validator_of

__all__ = [
    "ColumnField",
    "NestedField",
    "Plan",
    "Requires",
    "Rows",
    "Unscoped",
    "check_arguments",
    "check_hidden",
    "plan_of",
    "plan_of_select",
    "stand_in_class",
    "validator_of",
]
