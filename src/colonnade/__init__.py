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
    from colonnade.database import Database, Health, PoolStatus, Reader, Session
    from colonnade.pagination import Page
    from colonnade.query import Projection, Query
    from colonnade.service import ServiceBase

__all__ = [
    "ColonnadeError",
    "Database",
    "Health",
    "Page",
    "PoolStatus",
    "Projection",
    "Query",
    "Reader",
    "ServiceBase",
    "Session",
    "errors",
]

_HOMES = {
    "Page": "colonnade.pagination",
    "Projection": "colonnade.query",
    "Query": "colonnade.query",
    "ServiceBase": "colonnade.service",
}
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Bring in SQLAlchemy with the first name that needs it.

    Pytest imports this package wherever it is installed, for the plugin that few runs use.
    """
    if name in __all__:
        return getattr(import_module(_HOMES.get(name, "colonnade.database")), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
