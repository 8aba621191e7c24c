"""One unit of work and the reader: SQLModel's ``AsyncSession`` with the promises built in."""

from __future__ import annotations

from colonnade.session.batches import Batches
from colonnade.session.misuse import check_session
from colonnade.session.reader import Reader
from colonnade.session.session import Session, keeping_scope

__all__ = ["Batches", "Reader", "Session", "check_session", "keeping_scope"]
