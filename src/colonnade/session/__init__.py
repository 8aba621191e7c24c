"""Sessions: one unit of work, or a reader; SQLModel's ``AsyncSession`` with promises added.

``session`` has ``Session`` and ``reader`` has ``Reader``, on ``ending`` (how they end), ``batches``
(reading through a cursor) and ``sync_session`` (SQLAlchemy's synchronous half). ``gate`` admits one
task at a time, and ``blocks`` guards savepoints. ``scoping`` holds a session to its scopes,
``loads`` refuses lazy loads, and ``inserts`` writes many rows at once. ``transaction`` opens a
session and ends it, ``retry`` repeats a whole unit, ``turns`` lets sessions share a connection, and
``misuse`` explains mistakes.
"""

from __future__ import annotations

from colonnade.session.batches import Batches
from colonnade.session.misuse import check_session
from colonnade.session.reader import Reader
from colonnade.session.session import Session, reading_under
from colonnade.session.sync_session import one_reading

__all__ = ["Batches", "Reader", "Session", "check_session", "one_reading", "reading_under"]
