"""Engines: one for each event loop, its pool, who is admitted to it, and what every engine guards.

``rows``, ``shortcut`` and ``direct`` are three ways to run a prepared SELECT, each shorter than
the one before.
"""

from __future__ import annotations

from colonnade.engine.pool import Health, PoolStatus
from colonnade.engine.repeats import RepeatedStatement, allow_repeats
from colonnade.engine.rows import CollectionPaused, PreparedSelect

__all__ = [
    "CollectionPaused",
    "Health",
    "PoolStatus",
    "PreparedSelect",
    "RepeatedStatement",
    "allow_repeats",
]
