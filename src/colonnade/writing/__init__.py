"""Writing: ``changes`` say what may be written, and a file a statement writes it."""

from __future__ import annotations

from colonnade.writing.bulk import bulk_insert
from colonnade.writing.changes import changes_of, values_of
from colonnade.writing.delete import delete
from colonnade.writing.insert import insert
from colonnade.writing.update import update

__all__ = ["bulk_insert", "changes_of", "delete", "insert", "update", "values_of"]
