"""Connect to a database: ``Database`` opens sessions and readers, and raises the library's errors.

``url`` and ``settings`` hold the address and the options; ``engine`` and one file per database
build the engine. ``admission`` limits how many units of work run at once. ``session`` is one unit
of work, ``reader`` a session that cannot write. ``translate`` turns driver errors into ours,
``retry`` runs a unit again, ``health`` reports how the database does.
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
