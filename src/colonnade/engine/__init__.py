"""Engines: one for each event loop, with its pool and the promises that every engine keeps.

``engine`` builds one and ``pool`` owns it; ``admission`` limits how many sessions use it at once,
``abandoned`` gives back what dropped sessions held, and ``write_lock`` queues SQLite's writers.
``commits``, ``callbacks`` and ``failed_transaction`` follow each transaction to its end.
``rows``, ``shortcut`` and ``direct`` are three ways to run a prepared SELECT, each with less
overhead than the one before. ``exact_types`` and ``repeats`` change types, and warn of loops.
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
