"""Remember that a statement of a transaction failed, so that the transaction is not committed.

The databases differ here. PostgreSQL answers the COMMIT of such a transaction with a silent
ROLLBACK. MySQL may have rolled back already, and would commit only what came after. SQLite goes on
as if nothing had happened. To be the same on all of them, COMMIT raises ``TransactionAborted``.
ROLLBACK TO a savepoint clears a failure that happened inside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.pool import ConnectionPoolEntry

from colonnade.driver_errors.translate import aborted_error
from colonnade.errors import ColonnadeError

__all__ = [
    "clear_failure",
    "failure_of",
    "forget_failure",
    "mark_failed",
    "notes_of",
    "raise_if_failed",
    "refuse_failed_commit",
]

_FAILURE: Final = "colonnade_doom"


def mark_failed(
    connection: Connection, error: BaseException, answer: ColonnadeError | None = None
) -> None:
    """Mark the connection's transaction as failed by ``error``, unless it is marked already.

    The first failure counts. What follows it, such as ROLLBACK TO a savepoint that the server has
    removed, says less about the cause. ``answer`` is the library's error for ``error``.
    """
    transaction = connection.get_transaction()
    if transaction is not None and _recorded_failure(connection) is None:
        notes_of(connection)[_FAILURE] = (transaction, error, answer)


def clear_failure(connection: Connection) -> None:
    """Clear the mark: ROLLBACK TO took the transaction back to before the failure."""
    notes_of(connection).pop(_FAILURE, None)


def forget_failure(record: ConnectionPoolEntry) -> None:
    """Clear the mark of a connection that goes back into the pool."""
    (record.record_info or {}).pop(_FAILURE, None)


def failure_of(connection: Connection) -> ColonnadeError | None:
    """Return the library's error by which the running transaction failed, if it has failed."""
    failure = _recorded_failure(connection)
    return None if failure is None else failure[1]


def raise_if_failed(connection: Connection) -> None:
    """Raise ``TransactionAborted`` if a statement of the running transaction failed."""
    failure = _recorded_failure(connection)
    if failure is not None:
        raise aborted_error() from failure[0]


def refuse_failed_commit(notes: Mapping[Any, Any]) -> None:
    """Raise ``TransactionAborted`` if the notes of a connection say that its transaction failed.

    For the dialect's ``do_commit``, which has no ``Connection``, only the ``record_info``.
    """
    note = notes.get(_FAILURE)
    if note is not None and note[0].is_active:
        raise aborted_error() from note[1]


def notes_of(connection: Connection) -> dict[Any, Any]:
    """Return the ``record_info`` of the connection; an empty dict if it is closed or invalid."""
    if connection.closed or connection.invalidated:
        return {}
    notes = connection.connection.record_info
    return {} if notes is None else notes


def _recorded_failure(connection: Connection) -> tuple[BaseException, ColonnadeError | None] | None:
    """Return the error and the library's error that failed the running transaction, or None."""
    note = notes_of(connection).get(_FAILURE)
    if note is None:
        return None
    transaction, error, answer = note
    return (error, answer) if transaction is connection.get_transaction() else None
