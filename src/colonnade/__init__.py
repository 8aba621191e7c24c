"""Colonnade: the async database layer for FastAPI on SQLModel and SQLAlchemy 2.

Open a ``Database``, take a ``Session`` or a ``Reader`` from it, catch what ``errors`` lists. Table
mixins and column types are in ``colonnade.models``, test fixtures in ``colonnade.testing``.
"""

from __future__ import annotations

import sys
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Any

from colonnade import errors
from colonnade.errors import ColonnadeError

if TYPE_CHECKING:
    from colonnade.aggregates import Avg, Count, Exists, Group, Max, Min, Sum
    from colonnade.database import Database
    from colonnade.engine import Health, PoolStatus, RepeatedStatement
    from colonnade.filters import Given, all_of, any_of, check_models, every, not_, some
    from colonnade.ordering import scroll_index
    from colonnade.pagination import CursorPage, Page, Slice
    from colonnade.query import Projection, Query
    from colonnade.reading import check_schema
    from colonnade.schemas import Plan, Requires, Rows, Unscoped
    from colonnade.scope import Scope
    from colonnade.service import ServiceBase
    from colonnade.session import Reader, Session

__all__ = [
    "Avg",
    "ColonnadeError",
    "Count",
    "CursorPage",
    "Database",
    "Exists",
    "Given",
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
    "Slice",
    "Sum",
    "Unscoped",
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
    "Avg": "colonnade.aggregates",
    "Count": "colonnade.aggregates",
    "CursorPage": "colonnade.pagination",
    "Database": "colonnade.database",
    "Exists": "colonnade.aggregates",
    "Given": "colonnade.filters",
    "Group": "colonnade.aggregates",
    "Health": "colonnade.engine",
    "Max": "colonnade.aggregates",
    "Min": "colonnade.aggregates",
    "Page": "colonnade.pagination",
    "Plan": "colonnade.schemas",
    "PoolStatus": "colonnade.engine",
    "Projection": "colonnade.query",
    "Query": "colonnade.query",
    "Reader": "colonnade.session",
    "RepeatedStatement": "colonnade.engine",
    "Requires": "colonnade.schemas",
    "Rows": "colonnade.schemas",
    "Scope": "colonnade.scope",
    "ServiceBase": "colonnade.service",
    "Session": "colonnade.session",
    "Slice": "colonnade.pagination",
    "Sum": "colonnade.aggregates",
    "Unscoped": "colonnade.schemas",
    "all_of": "colonnade.filters",
    "any_of": "colonnade.filters",
    "check_models": "colonnade.filters",
    "check_schema": "colonnade.reading",
    "every": "colonnade.filters",
    "not_": "colonnade.filters",
    "scroll_index": "colonnade.ordering",
    "some": "colonnade.filters",
}
__version__ = "0.1.0"


def __dir__() -> list[str]:
    """List every public name, whether it was imported yet or not."""
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})


if not TYPE_CHECKING:  # or a type checker would take every name for one of ours

    def __getattr__(name: str) -> Any:
        """Bring in SQLAlchemy with the first name that needs it.

        Pytest imports this package wherever it is installed, for the plugin that few runs use.
        """
        if name in __all__:
            return getattr(import_module(_HOMES[name]), name)
        raise AttributeError(_absent(name), name=name, obj=sys.modules[__name__])


#: Where the names are that belong to one part of an application each.
_NEIGHBOURS = {
    "colonnade.fastapi": (
        "connect",
        "crud_router",
        "provide",
        "provide_database",
        "provide_scope",
        "provide_session",
    ),
    "colonnade.models": (
        "DateTimeUTC",
        "EnumValue",
        "ExactDecimal",
        "IntegerKey",
        "MutableJSON",
        "SoftDelete",
        "Timestamps",
        "UUIDKey",
        "Versioned",
        "full_text",
        "install_naming_convention",
    ),
    "colonnade.testing": ("count_statements",),
}


def _absent(name: str) -> str:
    """Return what a name that is not here is told, without importing anything of ours."""
    told = f"module {__name__!r} has no attribute {name!r}"
    if name.startswith("_"):
        return told
    for home, names in _NEIGHBOURS.items():
        if name in names:
            return f"{told}: from {home} import {name}"
    if name in ("fastapi", "models", "testing"):
        return f"{told}: it is a module of its own, import {__name__}.{name}"
    near = get_close_matches(name, __all__, n=1)
    return f"{told}: did you mean {near[0]!r}?" if near else told
