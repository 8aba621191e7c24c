"""Write rows: ``changes`` checks the values; ``insert``, ``update`` and ``delete`` write them.

Each takes a session and runs one statement where no object has to be made, else the unit of work.
"""

from __future__ import annotations

from colonnade.writing.bulk import bulk_insert
from colonnade.writing.changes import parse_bulk_update, parse_insert, parse_update
from colonnade.writing.delete import delete, delete_all
from colonnade.writing.identity_map import find_held_version
from colonnade.writing.insert import insert, insert_unseen
from colonnade.writing.payloads import parse_inserts
from colonnade.writing.update import update, update_all

__all__ = [
    "bulk_insert",
    "delete",
    "delete_all",
    "find_held_version",
    "insert",
    "insert_unseen",
    "parse_bulk_update",
    "parse_insert",
    "parse_inserts",
    "parse_update",
    "update",
    "update_all",
]
