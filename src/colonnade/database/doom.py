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
    transaction = connection.get_transaction()
    if transaction is not None:
        _notes(connection)[_DOOM] = (transaction, error)


def heal(connection: Connection) -> None:
    """Forget it: ROLLBACK TO brought the transaction back to where all was well."""
    _notes(connection).pop(_DOOM, None)


def forget(record: ConnectionPoolEntry) -> None:
    """Forget it: the connection goes back into the pool."""
    (record.record_info or {}).pop(_DOOM, None)


def refuse(connection: Connection) -> None:
    """Raise ``TransactionAborted`` if a statement of the running transaction failed."""
    note = _notes(connection).get(_DOOM)
    if note is None:
        return
    transaction, error = note
    if transaction is connection.get_transaction():
        raise aborted() from error


def _notes(connection: Connection) -> dict[Any, Any]:
    """What is noted of the connection, wherever it is in its life."""
    if connection.closed or connection.invalidated:
        return {}
    notes = connection.connection.record_info
    return {} if notes is None else notes
