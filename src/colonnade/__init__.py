"""Colonnade: the async database layer for FastAPI on SQLModel and SQLAlchemy 2.

Open a ``Database``, take a ``Session`` or a ``Reader`` from it, catch what ``errors`` lists. Table
mixins and column types are in ``colonnade.models``, test fixtures in ``colonnade.testing``.
"""

from __future__ import annotations

from colonnade import errors
from colonnade.database import Database, Health, PoolStatus, Reader, Session
from colonnade.errors import ColonnadeError

__all__ = ["ColonnadeError", "Database", "Health", "PoolStatus", "Reader", "Session", "errors"]
__version__ = "0.1.0"
