"""Compute the name that a naming convention gives to a constraint of an existing table.

SQLAlchemy names a constraint when it is attached to its table, and never later. The public way is
to copy the table into other metadata, which names the constraints of the copy; but nothing tells
which constraint of the copy belongs to which of the original.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Constraint, Index, Table
from sqlalchemy.schema import conv
from sqlalchemy.sql import naming

__all__ = ["name_by_convention"]


def name_by_convention(item: Constraint | Index, table: Table) -> conv | None:
    """Return the name by the convention of the table's metadata, or None if it gives none.

    A name that a convention gave before is returned unchanged. Raises SQLAlchemy's
    ``InvalidRequestError`` for a constraint that the convention does not name by itself.
    """
    ask: Callable[..., conv | None] = naming._constraint_name_for_table
    return ask(item, table)
