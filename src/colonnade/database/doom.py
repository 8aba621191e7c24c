"""In charge of units that can no longer be committed, because a statement of theirs failed.

PostgreSQL answers the COMMIT of such a unit with a silent ROLLBACK; MySQL may have rolled back
already and would commit the second half; SQLite goes on as if nothing had been. Three answers, of
which only a refusal is true on all of them. A rollback to a savepoint heals what failed inside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.pool import ConnectionPoolEntry

from colonnade.database.translate import aborted
from colonnade.errors import ColonnadeError

__all__ = ["doom", "forget", "heal", "notes_of", "reason", "refuse", "refuse_commit"]

_DOOM: Final = "colonnade_doom"


def doom(
    connection: Connection, error: BaseException, answer: ColonnadeError | None = None
) -> None:
    """Remember that a statement of the connection's transaction failed with ``error``.

    The first failure counts: what follows it, such as a ROLLBACK TO a savepoint that the server
    has taken away, says less. ``answer`` is what users are told of it.
    """
    transaction = connection.get_transaction()
    if transaction is not None and _failure(connection) is None:
        notes_of(connection)[_DOOM] = (transaction, error, answer)


def heal(connection: Connection) -> None:
    """Forget it: ROLLBACK TO brought the transaction back to where all was well."""
    notes_of(connection).pop(_DOOM, None)


def forget(record: ConnectionPoolEntry) -> None:
    """Forget it: the connection goes back into the pool."""
    (record.record_info or {}).pop(_DOOM, None)


def reason(connection: Connection) -> ColonnadeError | None:
    """Return what users were told of the failure of the running transaction, if it has failed."""
    failure = _failure(connection)
    return None if failure is None else failure[1]


def refuse(connection: Connection) -> None:
    """Raise ``TransactionAborted`` if a statement of the running transaction failed."""
    failure = _failure(connection)
    if failure is not None:
        raise aborted() from failure[0]


def refuse_commit(notes: Mapping[Any, Any]) -> None:
    """Raise it where only the notes of the connection are at hand, as in the dialect's COMMIT."""
    note = notes.get(_DOOM)
    if note is not None and note[0].is_active:
        raise aborted() from note[1]


def notes_of(connection: Connection) -> dict[Any, Any]:
    """Return what is noted of the connection, wherever it is in its life."""
    if connection.closed or connection.invalidated:
        return {}
    notes = connection.connection.record_info
    return {} if notes is None else notes


def _failure(connection: Connection) -> tuple[BaseException, ColonnadeError | None] | None:
    note = notes_of(connection).get(_DOOM)
    if note is None:
        return None
    transaction, error, answer = note
    return (error, answer) if transaction is connection.get_transaction() else None
