"""Ask SQLAlchemy for the name that a naming convention gives to a constraint of a finished table.

SQLAlchemy names a constraint when it is attached to its table, and never again. In public a table
can be copied into other metadata, which names the copy's constraints; but nothing says which
constraint of the copy is which of the original.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Constraint, Index, Table
from sqlalchemy.schema import conv
from sqlalchemy.sql import naming

__all__ = ["name_by_convention"]


def name_by_convention(item: Constraint | Index, table: Table) -> conv | None:
    """Return the name by the convention of the table's metadata, or None where it gives none.

    A name that a convention has given already is returned as it is. Raises SQLAlchemy's
    ``InvalidRequestError`` for a constraint that the convention wants to be named by hand.
    """
    ask: Callable[..., conv | None] = naming._constraint_name_for_table
    return ask(item, table)
