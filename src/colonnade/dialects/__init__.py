"""Dialects: one file for each database, with everything in which it differs from the others.

``dialect`` has the base class; ``sqlite``, ``postgresql`` and ``mysql`` (MariaDB too) override its
methods. ``statement_memory`` limits the prepared and compiled statements that an engine keeps.
"""

from __future__ import annotations

from colonnade.dialects.dialect import Dialect
from colonnade.dialects.mysql import MySQL
from colonnade.dialects.postgresql import PostgreSQL, Psycopg
from colonnade.dialects.sqlite import SQLite

__all__ = ["Dialect", "MySQL", "PostgreSQL", "Psycopg", "SQLite"]
