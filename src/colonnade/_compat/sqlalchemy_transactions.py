"""Let a connection of SQLAlchemy's whose BEGIN failed begin again."""

from __future__ import annotations

from sqlalchemy import Connection

__all__ = ["reset_begin"]


def reset_begin(connection: Connection) -> None:
    """Let a connection whose BEGIN failed begin again, at its next statement.

    SQLAlchemy notes that it is beginning, calls the listeners, and forgets that only if they
    return. Whoever caught the error and went on would run without a transaction, each statement
    committed by itself, and a rollback would undo nothing. No public way sets it back; a dialect's
    ``do_begin`` is called under its care, and knows nothing of the unit.
    """
    connection._Connection__in_begin = False  # type: ignore[attr-defined] # see above
