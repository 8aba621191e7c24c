"""What is read beside the rows themselves: ``plan`` for schemas, ``options`` for entities."""

from __future__ import annotations

from colonnade.loading.options import loader_options
from colonnade.loading.plan import Nested, Plan, plan_of

__all__ = ["Nested", "Plan", "loader_options", "plan_of"]
