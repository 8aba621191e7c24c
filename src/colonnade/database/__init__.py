"""The way to a database: ``Database`` opens sessions and readers; errors leave as ours.

``url`` and ``settings`` say where and how, ``engine`` and a file per database build it,
``admission`` decides who may in, ``session`` is one unit of work and ``reader`` one that
cannot write, ``translate`` names what went
wrong, ``retry`` runs a unit again, ``health`` tells how it goes.
"""

from __future__ import annotations

from colonnade.database.batches import Batches
from colonnade.database.database import Database, Options
from colonnade.database.garbage import Uncollected
from colonnade.database.health import Health, PoolStatus
from colonnade.database.misuse import check_session
from colonnade.database.reader import Reader
from colonnade.database.repeats import RepeatedStatement, repeating
from colonnade.database.rows import Prepared
from colonnade.database.session import Session, keeping_scope
from colonnade.database.settings import Settings
from colonnade.database.unit import Unit, UnitOptions

__all__ = [
    "Batches",
    "Database",
    "Health",
    "Options",
    "PoolStatus",
    "Prepared",
    "Reader",
    "RepeatedStatement",
    "Session",
    "Settings",
    "Uncollected",
    "Unit",
    "UnitOptions",
    "check_session",
    "keeping_scope",
    "repeating",
]
