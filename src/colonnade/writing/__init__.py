"""Write rows: ``changes`` checks the values; ``insert``, ``update`` and ``delete`` write them.

Each takes a session and runs one statement where no object has to be made, else the unit of work.
"""

from __future__ import annotations

from colonnade.writing.bulk import bulk_insert
from colonnade.writing.changes import assignments_of, changes_of, values_of
from colonnade.writing.delete import delete, delete_all
from colonnade.writing.identity_map import held_version
from colonnade.writing.insert import insert, insert_unseen
from colonnade.writing.payloads import rows_of
from colonnade.writing.update import update, update_all

__all__ = [
    "assignments_of",
    "bulk_insert",
    "changes_of",
    "delete",
    "delete_all",
    "held_version",
    "insert",
    "insert_unseen",
    "rows_of",
    "update",
    "update_all",
    "values_of",
]
