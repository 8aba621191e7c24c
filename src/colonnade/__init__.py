"""Colonnade: the async database layer for FastAPI on SQLModel and SQLAlchemy 2.

Open a ``Database``, take a ``Session`` or a ``Reader`` from it, catch what ``errors`` lists. Table
mixins and column types are in ``colonnade.models``, test fixtures in ``colonnade.testing``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from colonnade import errors
from colonnade.errors import ColonnadeError

if TYPE_CHECKING:
    from colonnade.database import (
        Database,
        Health,
        PoolStatus,
        Reader,
        RepeatedStatement,
        Session,
    )
    from colonnade.filters import all_of, any_of, check_models, every, not_, some
    from colonnade.loading import Avg, Count, Group, Max, Min, Plan, Requires, Rows, Sum
    from colonnade.ordering import scroll_index
    from colonnade.pagination import CursorPage, Page
    from colonnade.query import Projection, Query
    from colonnade.reading import check_schema
    from colonnade.scope import Scope
    from colonnade.service import ServiceBase

__all__ = [
    "Avg",
    "ColonnadeError",
    "Count",
    "CursorPage",
    "Database",
    "Group",
    "Health",
    "Max",
    "Min",
    "Page",
    "Plan",
    "PoolStatus",
    "Projection",
    "Query",
    "Reader",
    "RepeatedStatement",
    "Requires",
    "Rows",
    "Scope",
    "ServiceBase",
    "Session",
    "Sum",
    "all_of",
    "any_of",
    "check_models",
    "check_schema",
    "errors",
    "every",
    "not_",
    "scroll_index",
    "some",
]

_HOMES = {
    "CursorPage": "colonnade.pagination",
    "Page": "colonnade.pagination",
    "Plan": "colonnade.loading",
    "Projection": "colonnade.query",
    "Query": "colonnade.query",
    "Requires": "colonnade.loading",
    "Rows": "colonnade.loading",
    "Scope": "colonnade.scope",
    "ServiceBase": "colonnade.service",
    "check_schema": "colonnade.reading",
    "scroll_index": "colonnade.ordering",
    **dict.fromkeys(("Avg", "Count", "Group", "Max", "Min", "Sum"), "colonnade.loading"),
    **dict.fromkeys(
        ("all_of", "any_of", "check_models", "every", "not_", "some"), "colonnade.filters"
    ),
}
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Bring in SQLAlchemy with the first name that needs it.

    Pytest imports this package wherever it is installed, for the plugin that few runs use.
    """
    if name in __all__:
        return getattr(import_module(_HOMES.get(name, "colonnade.database")), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
