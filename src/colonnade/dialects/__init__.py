"""Dialects: one file for each database, with everything in which it differs from the others.

``dialect`` has the base class; ``sqlite``, ``postgresql`` and ``mysql`` (MariaDB too) override its
methods. ``statement_memory`` limits the prepared and compiled statements that an engine keeps.
"""

from __future__ import annotations

from colonnade.dialects.dialect import Dialect
from colonnade.dialects.mysql import MySQL
from colonnade.dialects.postgresql import PostgreSQL, Psycopg
from colonnade.dialects.sqlite import SQLite
from colonnade.settings import Settings
from colonnade.settings.url import Address

__all__ = ["Dialect", "MySQL", "PostgreSQL", "Psycopg", "SQLite", "dialect_of"]


def dialect_of(address: Address, settings: Settings, *, reading: bool) -> Dialect:
    """Return the dialect for the database at ``address``."""
    if address.driver.name == "psycopg":
        return Psycopg(address, settings, reading)
    kinds = {"sqlite": SQLite, "postgresql": PostgreSQL, "mysql": MySQL}
    return kinds.get(address.family, Dialect)(address, settings, reading)
