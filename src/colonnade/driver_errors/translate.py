"""Translate a driver's error into one of ours, by its code.

``translate_error`` does no I/O: it takes an exception and returns another one, or None for an
exception that does not come from the database (a ``KeyError`` in the user's own code). It knows
the errors of asyncpg, psycopg, aiosqlite, aiomysql and asyncmy, wrapped by SQLAlchemy or not. No
message has a value that a user sent; the driver's own message is on ``__cause__``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import MetaData
from sqlalchemy import exc as sa
from sqlalchemy.orm import exc as orm

from colonnade import errors as e
from colonnade._compat.sqlalchemy_session import tells_of_missing_rows
from colonnade.driver_errors import codes, violations
from colonnade.driver_errors.location import find_location
from colonnade.values import family_of

__all__ = ["ErrorContext", "aborted_error", "left_out_error", "translate_error"]


@dataclass(frozen=True)
class ErrorContext:
    """The circumstances of an error, which the error itself does not tell."""

    metadata: MetaData
    connecting: bool = False
    reading: bool = False
    disconnected: bool = False
    executing: bool = False
    table: str | None = None
    #: Returns the columns whose values were refused; called only if that is needed.
    columns: Callable[[], tuple[str, ...]] = tuple


def translate_error(error: BaseException, where: ErrorContext) -> e.ColonnadeError | None:
    """Return our error for ``error``, or None if it does not come from the database.

    MySQL hides a deadlock inside a savepoint behind "savepoint does not exist", so a retryable
    error among the causes of a database error is returned in its place.
    """
    if isinstance(error, e.ColonnadeError):
        return error
    answer = _translate_one(error, where)
    if answer is None or not isinstance(error, sa.DBAPIError):
        return answer
    causes = (
        _translate_one(link, where)
        for link in _iterate_causes(error)
        if isinstance(link, sa.DBAPIError)
    )
    return next((cause for cause in causes if isinstance(cause, e.Retryable)), answer)


def _iterate_causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and its causes, up to the first error of ours; a circle ends the walk."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen and not isinstance(link, e.ColonnadeError):
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__


def _translate_one(error: BaseException, where: ErrorContext) -> e.ColonnadeError | None:
    if isinstance(error, sa.StatementError) and isinstance(error.orig, e.ColonnadeError):
        return _name_fields(error.orig, where)  # a column type of ours refused a value
    if isinstance(error, sa.StatementError) and isinstance(error.orig, _REFUSALS):
        return _build_error(e.InvalidValue, None, where)  # one of SQLAlchemy's or SQLModel's did
    for kind, answer in _BY_CLASS.items():
        if isinstance(error, kind):
            return answer(error, where)
    return None


def _translate_driver_error(error: Any, where: ErrorContext) -> e.ColonnadeError | None:
    """Translate a DB-API error, wrapped by SQLAlchemy or not: by its code, then its details."""
    original: Any = error.orig if isinstance(error, sa.DBAPIError) else error
    lost = where.disconnected or bool(getattr(error, "connection_invalidated", False))
    first = original.args[0] if getattr(original, "args", ()) else None
    # SQLAlchemy forgets to copy the code of asyncpg's InvalidCachedStatementError.
    state = getattr(original, "sqlstate", None) or getattr(
        _unwrap_adapted(original), "sqlstate", None
    )
    extended = getattr(original, "sqlite_errorcode", None)
    if extended is not None:
        return _translate_sqlite(extended, str(original), where)
    if isinstance(first, int):
        # PyMySQL's errors have an SQLSTATE too, which says less than their code.
        text = str(original.args[1]) if len(original.args) > 1 else ""
        kind = codes.MYSQL.get(first, e.ConnectionLost if lost else e.DatabaseError)
        if first in codes.MYSQL_UNUSED or first >= codes.MYSQL_BEYOND:
            kind = e.RefusedByDatabase
        told = violations.parse_mysql(first, text)
        if kind is e.CheckViolation and _is_json_check(told, where.metadata):
            refused = e.InvalidValue("MariaDB keeps no JSON that nests more than 31 deep")
            return _name_fields(refused, where, told)
        if first in _COLLATIONS and "COERCIBLE" in text:
            # One side is a value of the caller; between two columns it is the statement's mistake.
            kind = e.InvalidValue
        return _build_error(kind, told, where, codes.REASONS.get(first), said=text)
    if state is not None:
        return _translate_postgresql(_class_of_state(state), state, original, where)
    return _translate_without_code(original, lost, where)


def _translate_sqlite(code: int, text: str, where: ErrorContext) -> e.ColonnadeError:
    kind = codes.SQLITE.get(code) or codes.SQLITE.get(code & 0xFF) or e.DatabaseError
    reason = codes.SQLITE_VALUES.get(text)
    if kind is e.InvalidStatement and reason is not None:
        kind = e.InvalidValue
    if kind is e.RefusedByDatabase and text == _SQLITE_FOREIGN:
        kind = e.ForeignKeyViolation
    return _build_error(kind, violations.parse_sqlite(text), where, reason, said=text)


def _class_of_state(state: str) -> type[e.DatabaseError]:
    """Return the error class of an SQLSTATE of PostgreSQL.

    A state of a class that PostgreSQL does not have was raised by a trigger or procedure.
    """
    kind = codes.POSTGRESQL.get(state) or codes.POSTGRESQL_CLASSES.get(state[:2])
    if kind is None:
        made_up = state[:2] not in codes.POSTGRESQL_OTHERS
        kind = e.RefusedByDatabase if made_up else e.DatabaseError
    return kind


def _is_json_check(told: violations.Violation, metadata: MetaData) -> bool:
    """Return whether the violated check is the one that MariaDB gives to every JSON column."""
    tables = [table for table in metadata.tables.values() if table.name == told.table]
    columns = [table.c.get(name) for table in tables for name in told.columns]
    return any(one is not None and family_of(one.type) == "json" for one in columns)


def _translate_postgresql(
    kind: type[e.DatabaseError], state: str, original: Any, where: ErrorContext
) -> e.ColonnadeError:
    details = getattr(original, "diag", None) or _unwrap_adapted(original)
    if state == "57014" and "statement timeout" in str(original):
        # The server has one code for a cancel request and a time-out; only the text differs.
        kind = e.StatementTimeout
    if state == "25P02":
        return aborted_error()
    if state == "25P01":
        return e.UsageError(
            "PostgreSQL has this only in a transaction, such as a stream that is read row by row",
            hint="open it with db.session() or db.reader(snapshot=True); "
            "a query's own stream() needs neither",
        )
    if state == "0A000" and "cached" in str(original):
        return e.Retryable(
            "the schema changed under a prepared statement",
            hint="the next attempt prepares it anew",
        )
    known = hasattr(details, "constraint_name")
    violation = violations.parse_postgresql(details) if known else None
    said = getattr(details, "message_primary", None) or getattr(details, "message", None)
    return _build_error(kind, violation, where, codes.REASONS.get(state), said=said)


def _unwrap_adapted(original: Any) -> Any:
    """Return the driver's error behind the one that SQLAlchemy's adapter made of it."""
    return original.__cause__ if original.__cause__ is not None else original


def _translate_without_code(original: Any, lost: bool, where: ErrorContext) -> e.ColonnadeError:
    """Translate an error that the driver raised by itself, without a code of the server."""
    driver = _unwrap_adapted(original)
    if not lost and "another operation" in str(driver):
        return e.SessionShared(
            "one connection was used by two tasks at the same time",
            hint="give each task a session of its own: async with db.session()",
        )
    if lost or type(original).__name__ in ("InterfaceError", "InternalClientError"):
        return _build_error(e.ConnectionLost, None, where)
    kind = _BY_NAME.get(type(original).__name__)
    if kind is not None:
        return _build_error(kind, None, where)
    return _build_error(e.ConnectionFailed if where.connecting else e.DatabaseError, None, where)


def _build_error(
    kind: type[e.DatabaseError],
    violation: violations.Violation | None,
    where: ErrorContext,
    reason: str | None = None,
    *,
    said: str | None = None,
) -> e.ColonnadeError:
    """Return an error of this kind, with the model and the fields that it is about.

    ``reason`` says why a value does not fit; ``said`` is the database's own message.
    """
    if kind is e.ReadOnlyServer and where.reading:
        return e.ReadOnlySession(
            "a reader cannot write", hint="open a unit of work: async with db.session()"
        )
    if where.connecting and not issubclass(kind, e.PermissionDenied):
        kind = e.ConnectionFailed
    message, hint = _WORDS.get(kind, _WORDS[e.DatabaseError])
    if kind is e.InvalidValue:
        why = f": {reason}" if reason else ""
        return _name_fields(e.InvalidValue(message + why, hint=hint), where, violation)
    if issubclass(kind, e.RefusedByDatabase):
        found = find_location(where.metadata, table=where.table)
        subject = found.model or where.table or "the statement"
        message = message.format(model=subject)
        return kind(message, hint=hint, model=found.model, reason=said)
    if violation is None or not issubclass(kind, e.ConstraintViolation):
        return kind(message, hint=hint)
    table = violation.table or where.table
    found = find_location(
        where.metadata,
        table=table,
        constraint=violation.constraint,
        columns=violation.columns,
    )
    # ``locate`` finds a constraint by its columns only among unique ones, so what it found counts
    # only for the violation of one.
    told_by_columns = kind is e.UniqueViolation
    subject = found.model or table or "the row"
    fields = found.fields or violation.columns
    return kind(
        message.format(model=subject, fields=" and ".join(fields) or "these values"),
        hint=hint,
        model=found.model,
        fields=fields,
        constraint=violation.constraint or (found.constraint if told_by_columns else None),
    )


def _name_fields(
    error: e.ColonnadeError, where: ErrorContext, violation: violations.Violation | None = None
) -> e.ColonnadeError:
    """Return the error of a refused value with the model and the fields of that value."""
    if not isinstance(error, e.InvalidValue) or error.fields:
        return error
    columns = (violation.columns if violation is not None else ()) or where.columns()
    if not columns:
        return error
    found = find_location(where.metadata, table=where.table, columns=columns)
    fields = found.fields or columns
    about = f"{found.model or where.table or 'the row'}: {' and '.join(fields)}"
    return e.InvalidValue(
        f"{about}: {error.message}", hint=error.hint, model=found.model, fields=fields
    )


def _network_error(error: BaseException, where: ErrorContext) -> e.ColonnadeError:
    return _build_error(e.ConnectionFailed if where.connecting else e.ConnectionLost, None, where)


def _stale_error(_error: BaseException, _where: ErrorContext) -> e.ColonnadeError:
    return e.StaleVersion(
        "the row was changed or deleted since it was read",
        hint="read it again, apply the change and save; or let db.run retry the whole unit",
    )


def _not_found_error() -> e.NotFound:
    return e.NotFound("no row has this key, or answers to this statement")


def _misuse_error(error: sa.SQLAlchemyError, where: ErrorContext) -> e.ColonnadeError:
    """Return the error for a use that SQLAlchemy refuses, with the first line of its message.

    The lines after that may hold a statement with its values.
    """
    if tells_of_missing_rows(error):
        return left_out_error(where.table)
    first, _, _ = str(error.args[0] if error.args else "").partition("\n")
    return e.UsageError(
        first or "SQLAlchemy does not allow this",
        hint="see SQLAlchemy's guide to its session and statements; its error is __cause__",
    )


def aborted_error() -> e.TransactionAborted:
    """Return the error for going on with a unit of which a statement failed."""
    return e.TransactionAborted(
        "an earlier statement of this unit of work failed, so nothing of it can be committed",
        hint="let the error end the unit, or wrap what may fail in: async with session.savepoint()",
    )


def left_out_error(model: str | None) -> e.RefusedByDatabase:
    """Return the error for rows of an INSERT that are not there, though nothing was raised."""
    return e.RefusedByDatabase(
        f"{model or 'the statement'}: a trigger of the database has left out a row",
        hint="a trigger that refuses a row should raise an error that says why",
        model=model,
    )


def _pool_error(_error: BaseException, _where: ErrorContext) -> e.ColonnadeError:
    return e.PoolTimeout(
        "no connection became free in time",
        hint="connections taken from db.engine directly come out of the same pool",
    )


def _is_driver_error(error: BaseException) -> bool:
    return any(hasattr(error, name) for name in ("sqlstate", "sqlite_errorcode"))


#: The errors that a column type raises for a value that it does not take.
_REFUSALS: Final = (ValueError, TypeError, LookupError, ArithmeticError)
#: SQLite's message for a foreign key. Where SQLite checks it by a trigger (RESTRICT) it has the
#: code of one.
_SQLITE_FOREIGN: Final = "FOREIGN KEY constraint failed"
#: MySQL's codes for texts that cannot be compared.
_COLLATIONS: Final = (1267, 1270, 1271)

_BY_CLASS: Final[
    Mapping[type[BaseException], Callable[[Any, ErrorContext], e.ColonnadeError | None]]
] = MappingProxyType(
    {
        sa.DBAPIError: _translate_driver_error,
        orm.StaleDataError: _stale_error,
        sa.PendingRollbackError: lambda _error, _where: aborted_error(),
        sa.TimeoutError: _pool_error,
        orm.ObjectDeletedError: lambda _error, _where: _not_found_error(),
        sa.NoResultFound: lambda _error, _where: _not_found_error(),
        sa.MultipleResultsFound: lambda _error, _where: e.MultipleFound(
            "one row was asked for, and there are more"
        ),
        sa.SQLAlchemyError: _misuse_error,
        asyncio.CancelledError: lambda _error, _where: None,
        # sqlite3 raises it as it is, for a number of more than 64 bits.
        OverflowError: lambda _error, where: (
            _build_error(e.InvalidValue, None, where) if where.executing else None
        ),
        OSError: _network_error,
        EOFError: _network_error,
        Exception: lambda error, where: (
            _translate_driver_error(error, where) if _is_driver_error(error) else None
        ),
    }
)

#: The PEP 249 classes of errors that a driver finds before it sends the statement.
_BY_NAME: Final[Mapping[str, type[e.DatabaseError]]] = MappingProxyType(
    {"DataError": e.InvalidValue, "ProgrammingError": e.InvalidStatement}
)

_RETRY: Final = "run the whole unit again: await db.run(work) does so"
_WORDS: Final[Mapping[type[e.DatabaseError], tuple[str, str | None]]] = MappingProxyType(
    {
        e.UniqueViolation: ("{model} with {fields} exists already", None),
        e.ForeignKeyViolation: (
            "{model}: {fields} refer to a row that is not there, or the row is still referred to",
            None,
        ),
        e.ExclusionViolation: ("{model} overlaps one that exists already", None),
        e.NotNullViolation: ("{model} needs {fields}", None),
        e.CheckViolation: ("{model} breaks a check constraint", None),
        e.ConstraintViolation: ("{model} breaks a constraint", None),
        e.RefusedByDatabase: (
            "{model} was refused by a trigger or procedure of the database",
            "the database's own words are in the log, and in the reason of the error",
        ),
        e.SerializationFailure: ("another unit of work changed the same rows", _RETRY),
        e.Deadlock: ("this unit of work and another waited for each other", _RETRY),
        e.LockTimeout: ("a lock was not to be had in time", _RETRY),
        e.ConnectionFailed: (
            "the database cannot be reached",
            "check the URL, and that the server runs and accepts connections",
        ),
        e.ConnectionLost: ("the connection to the database broke", None),
        e.ReadOnlyServer: (
            "the server takes no writes",
            "it may be a standby: give the primary, or target_session_attrs=read-write",
        ),
        e.Unavailable: ("the database cannot serve now", None),
        e.StatementTimeout: (
            "a statement ran longer than it may",
            "make it cheaper, or give the unit another statement_timeout",
        ),
        e.StatementCancelled: ("a statement was ended from outside", None),
        e.InvalidValue: ("a value does not fit its column", None),
        e.InvalidStatement: (
            "the database does not understand the statement",
            "is a table or column missing? create the schema or run the migrations",
        ),
        e.PermissionDenied: ("the database user may not do this, or could not log in", None),
        e.DatabaseError: ("the database reported an error", None),
    }
)
