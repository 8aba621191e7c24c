"""What differs between databases: one file each for SQLite, PostgreSQL, and MySQL with MariaDB.

``dialect`` has the questions; the file of a database answers them.
"""

from __future__ import annotations

from colonnade.dialects.dialect import Dialect
from colonnade.dialects.mysql import MySQL
from colonnade.dialects.postgresql import PostgreSQL, Psycopg
from colonnade.dialects.sqlite import SQLite

__all__ = ["Dialect", "MySQL", "PostgreSQL", "Psycopg", "SQLite"]
