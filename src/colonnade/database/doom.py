"""In charge of units that can no longer be committed, because a statement of theirs failed.

PostgreSQL answers the COMMIT of such a unit with a silent ROLLBACK; MySQL may have rolled back
already and would commit the second half; SQLite goes on as if nothing had been. Three answers, of
which only a refusal is true on all of them. A rollback to a savepoint heals what failed inside it.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.pool import ConnectionPoolEntry

from colonnade.database.translate import aborted

__all__ = ["doom", "forget", "heal", "refuse"]

_DOOM: Final = "colonnade_doom"


def doom(connection: Connection, error: BaseException) -> None:
    """Remember that a statement of the connection's transaction failed with ``error``."""
    if connection.in_transaction():
        _notes(connection)[_DOOM] = error


def heal(connection: Connection) -> None:
    """Forget it: the transaction went back to where all was well."""
    _notes(connection).pop(_DOOM, None)


def forget(record: ConnectionPoolEntry) -> None:
    """Forget it: the connection goes back into the pool."""
    if record.record_info is not None:
        record.record_info.pop(_DOOM, None)


def refuse(connection: Connection) -> None:
    """Raise ``TransactionAborted`` if a statement of the transaction failed."""
    error = _notes(connection).get(_DOOM)
    if error is not None:
        raise aborted() from error


def _notes(connection: Connection) -> dict[Any, Any]:
    """What is noted of the connection, wherever it is in its life."""
    if connection.closed or connection.invalidated:
        return {}
    notes = connection.connection.record_info
    return {} if notes is None else notes
