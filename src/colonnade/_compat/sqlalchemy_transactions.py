"""Let a connection of SQLAlchemy whose BEGIN failed begin again."""

from __future__ import annotations

from sqlalchemy import Connection

__all__ = ["reset_begin"]


def reset_begin(connection: Connection) -> None:
    """Let a connection whose BEGIN failed begin again, at its next statement.

    SQLAlchemy sets a mark, calls the listeners for ``begin``, and removes the mark only if they
    return. Code that catches the error and goes on would run without a transaction: each statement
    would be committed by itself, and a rollback would undo nothing. No public way removes the mark.
    A dialect's ``do_begin`` may fail without harm, but does not know the unit of work.
    """
    connection._Connection__in_begin = False  # type: ignore[attr-defined] # see above
