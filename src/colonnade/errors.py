"""Every error that Colonnade raises on purpose.

::

    ColonnadeError
    ├── ConfigurationError          something is set up wrong; found before any statement runs
    │   ├── InvalidURL              a database URL that cannot be used
    │   ├── DriverNotInstalled      the URL is fine, its driver is not there
    │   ├── InvalidSetting          a setting out of range, or an environment variable amiss
    │   └── InvalidMapping          a model that cannot be mapped, or a constraint without a name
    ├── UsageError                  the calling code broke a rule of the library
    │   ├── NotLoaded               an attribute was touched that nobody had asked for
    │   │   ├── RelationshipNotLoaded
    │   │   └── ColumnNotLoaded
    │   ├── SessionClosed           a session used after its end
    │   ├── SessionShared           one session used by two tasks at once
    │   ├── ReadOnlySession         a write through a reader
    │   ├── ScopeUnbound            a model with a scope, and a session without a value for it
    │   ├── StreamClosed            a stream read on after its end, or its unit's
    │   └── TransactionAborted      an earlier statement failed, so the unit cannot be committed
    ├── InvalidRequest              what was asked cannot be asked of this model
    │   ├── UnknownField            no such column, relation or path
    │   ├── UnknownOperator         no such operator, or not on this column
    │   ├── AmbiguousLookup         a name that could mean two things
    │   ├── InvalidOperand          a value that does not fit the column or the operator
    │   ├── InvalidPage             a page, size, limit or offset out of range
    │   ├── InvalidCursor           a cursor that was altered, or belongs to another question
    │   ├── InvalidSchema           a schema that the model cannot fill
    │   ├── InvalidChanges          a payload that may not be written; every reason at once
    │   │   └── RefusedByModel      a validator of the model raised it (also a ValueError)
    │   └── Unfiltered              a bulk write without a filter, which would meet every row
    ├── OutOfScope                  a write names, refers to or changes what the session may not
    ├── NotFound                    no row has this key, or answers to this query
    ├── MultipleFound               one row was asked for, and there are more
    └── DatabaseError               the database, or the way to it, said no
        ├── Conflict                what is stored contradicts the write
        │   ├── UniqueViolation          (also a ConstraintViolation)
        │   ├── ForeignKeyViolation      (also a ConstraintViolation)
        │   ├── ExclusionViolation       (also a ConstraintViolation)
        │   └── StaleVersion        the row changed, or went, since it was read
        ├── ConstraintViolation
        │   ├── NotNullViolation
        │   ├── CheckViolation
        │   └── RefusedByDatabase   a trigger or procedure said no; ``reason`` has its words
        ├── Retryable               surely rolled back; the whole unit may be run again
        │   ├── SerializationFailure
        │   ├── Deadlock
        │   └── LockTimeout
        ├── Unavailable             try later; what was asked did not happen
        │   ├── ConnectionFailed    no connection could be made
        │   ├── ConnectionLost      the connection broke before COMMIT was sent
        │   ├── ReadOnlyServer      a write reached a standby
        │   └── PoolTimeout         every connection stayed in use for too long
        │       └── PoolDeadlock    the units that hold the connections wait for each other
        ├── StatementTimeout        a statement ran longer than it may
        ├── StatementCancelled      somebody ended the statement
        ├── CommitUnknown           COMMIT was sent and no answer came: it may have happened
        ├── InvalidValue            a value that the column's type cannot hold
        ├── InvalidStatement        missing table or column, syntax, wrong types
        └── PermissionDenied        this user may not

A message names models, fields and constraints and never a value that a user sent; the driver's
own words, which may hold such values, stay on ``__cause__`` for the log. The keys of a ``NotFound``
are in its ``str``, for the log too, and not in its ``message``; so is the ``reason`` of a
``RefusedByDatabase``.
"""

from __future__ import annotations

from reprlib import Repr
from typing import ClassVar, Final, Self, TypedDict, Unpack

__all__ = [
    "AmbiguousLookup",
    "CheckViolation",
    "ColonnadeError",
    "ColumnNotLoaded",
    "CommitUnknown",
    "ConfigurationError",
    "Conflict",
    "ConnectionFailed",
    "ConnectionLost",
    "ConstraintViolation",
    "DatabaseError",
    "Deadlock",
    "DriverNotInstalled",
    "ExclusionViolation",
    "ForeignKeyViolation",
    "InvalidChanges",
    "InvalidCursor",
    "InvalidMapping",
    "InvalidOperand",
    "InvalidPage",
    "InvalidRequest",
    "InvalidSchema",
    "InvalidSetting",
    "InvalidStatement",
    "InvalidURL",
    "InvalidValue",
    "LockTimeout",
    "MultipleFound",
    "NotFound",
    "NotLoaded",
    "NotNullViolation",
    "OutOfScope",
    "PermissionDenied",
    "PoolDeadlock",
    "PoolTimeout",
    "ReadOnlyServer",
    "ReadOnlySession",
    "RefusedByDatabase",
    "RefusedByModel",
    "RelationshipNotLoaded",
    "Retryable",
    "ScopeUnbound",
    "SerializationFailure",
    "SessionClosed",
    "SessionShared",
    "StaleVersion",
    "StatementCancelled",
    "StatementTimeout",
    "StreamClosed",
    "TransactionAborted",
    "Unavailable",
    "Unfiltered",
    "UniqueViolation",
    "UnknownField",
    "UnknownOperator",
    "UsageError",
]


#: Keys that a ``NotFound`` shows.
_SHOWN: Final = 10
_SHORT: Final = Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 60
_SAID: Final = Repr()
_SAID.maxstring = 300


class About(TypedDict, total=False):
    """The keyword arguments that every error takes beside its message."""

    hint: str | None
    model: str | None
    fields: tuple[str, ...]
    constraint: str | None


class ColonnadeError(Exception):
    """The root of the tree.

    ``message`` says what is wrong, ``hint`` what to do next; ``model`` and ``fields`` name the
    mapped class and its attributes, ``constraint`` the database's constraint, each where known.
    ``code`` is a stable identifier of the class for clients and logs.
    """

    code: ClassVar[str] = "error"

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        model: str | None = None,
        fields: tuple[str, ...] = (),
        constraint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.model = model
        self.fields = fields
        self.constraint = constraint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\nhint: {self.hint}"


class ConfigurationError(ColonnadeError):
    """Something is set up wrong; found before any statement runs."""

    code = "configuration"


class InvalidURL(ConfigurationError):
    """A database URL that cannot be used."""

    code = "invalid_url"


class DriverNotInstalled(ConfigurationError):
    """The URL is fine, but its driver is not installed; the hint names the extra."""

    code = "driver_not_installed"


class InvalidSetting(ConfigurationError):
    """A setting that is unknown or out of range, or an environment variable that is amiss."""

    code = "invalid_setting"


class InvalidMapping(ConfigurationError):
    """Models that cannot be mapped, or a constraint that has no name."""

    code = "invalid_mapping"


class UsageError(ColonnadeError):
    """The calling code broke a rule of the library."""

    code = "usage"


class NotLoaded(UsageError):
    """An attribute was touched that nobody had asked for; no statement ran."""

    code = "not_loaded"


class RelationshipNotLoaded(NotLoaded):
    """A relation was touched that the read did not load; the hint names the path to add."""

    code = "relationship_not_loaded"


class ColumnNotLoaded(NotLoaded):
    """A deferred or expired column was touched; the hint says how to read it."""

    code = "column_not_loaded"


class SessionClosed(UsageError):
    """A session was used after its end."""

    code = "session_closed"


class SessionShared(UsageError):
    """One session was used by two tasks at the same time."""

    code = "session_shared"


class ReadOnlySession(UsageError):
    """A write was tried through a reader; nothing was written."""

    code = "read_only_session"


class ScopeUnbound(UsageError):
    """A model with a scope was asked for, and the session has no value for it; nothing ran."""

    code = "scope_unbound"


class StreamClosed(UsageError):
    """A stream was read on after it had ended, or after the transaction that it read in had."""

    code = "stream_closed"


class TransactionAborted(UsageError):
    """An earlier statement of the unit failed outside a savepoint: nothing was committed."""

    code = "transaction_aborted"


class InvalidRequest(ColonnadeError):
    """The model cannot be asked for this, such as a name that it does not have; nothing ran."""

    code = "invalid_request"


class UnknownField(InvalidRequest):
    """A column, relation or path that the model does not have; the hint names the nearest."""

    code = "unknown_field"


class UnknownOperator(InvalidRequest):
    """An operator that does not exist, or not for this column."""

    code = "unknown_operator"


class AmbiguousLookup(InvalidRequest):
    """A lookup that could be read in two ways."""

    code = "ambiguous_lookup"


class InvalidOperand(InvalidRequest):
    """A value that does not fit the column, or not the operator."""

    code = "invalid_operand"


class InvalidPage(InvalidRequest):
    """A page, size, limit or offset out of range."""

    code = "invalid_page"


class InvalidCursor(InvalidRequest):
    """A cursor that was altered or forged, or belongs to another question."""

    code = "invalid_cursor"


class InvalidSchema(InvalidRequest):
    """A schema with a field that the model cannot fill."""

    code = "invalid_schema"


class InvalidChanges(InvalidRequest):
    """A payload that may not be written; ``problems`` has every reason, by field."""

    code = "invalid_changes"

    def __init__(
        self,
        message: str,
        *,
        problems: tuple[tuple[str, str], ...] = (),
        **about: Unpack[About],
    ) -> None:
        super().__init__(message, **about)
        self.problems = problems


class RefusedByModel(InvalidChanges, ValueError):
    """A validator of the model refused a value; its ``ValueError`` or ``assert`` is ``__cause__``.

    It is a ``ValueError`` too: what is raised when a ``@validates`` method says no to an object of
    your own making is caught in the same way.
    """

    code = "refused_by_model"


class Unfiltered(InvalidRequest):
    """A bulk write without a filter, which nobody had said was meant; nothing was written."""

    code = "unfiltered"


class OutOfScope(ColonnadeError):
    """A write names another tenant, or refers to, links or changes a row outside of the scope."""

    code = "out_of_scope"

    @classmethod
    def another(cls, model: str, field: str, scope: str) -> Self:
        """For a row that names another value than the session's."""
        return cls(
            f"{model}.{field} names another {scope} than the session's",
            hint=f"leave it out: the session fills it; or lift the scope {scope!r} by name",
            model=model,
            fields=(field,),
        )


class NotFound(ColonnadeError):
    """No row has this key, or answers to this query; ``keys`` lists the keys that are missing.

    ``str`` of it shows them, for the log; ``message``, which a client may be sent, does not.
    """

    code = "not_found"

    def __init__(
        self, message: str, *, keys: tuple[object, ...] = (), **about: Unpack[About]
    ) -> None:
        super().__init__(message, **about)
        self.keys = keys

    def __str__(self) -> str:
        first, *rest = super().__str__().split("\n", 1)
        return "\n".join((first + _listed(self.keys), *rest))


def _listed(keys: tuple[object, ...]) -> str:
    """Return the first keys, each cut short and on one line whatever a client has sent."""
    if not keys:
        return ""
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return f": {', '.join(map(_SHORT.repr, keys[:_SHOWN]))}{more}"


class MultipleFound(ColonnadeError):
    """One row was asked for, and more answer to the query."""

    code = "multiple_found"


class DatabaseError(ColonnadeError):
    """The database, or the way to it, said no; the driver's own error is ``__cause__``."""

    code = "database"


class Conflict(DatabaseError):
    """The write contradicts what is stored."""

    code = "conflict"


class StaleVersion(Conflict):
    """The row was changed or deleted by somebody else since it was read."""

    code = "stale_version"


class ConstraintViolation(DatabaseError):
    """A constraint refused the write; ``constraint`` and ``fields`` say which."""

    code = "constraint"


class UniqueViolation(ConstraintViolation, Conflict):
    """A unique constraint or primary key already has these values."""

    code = "unique"


class ForeignKeyViolation(ConstraintViolation, Conflict):
    """The row referred to does not exist, or the row to delete is still referred to."""

    code = "foreign_key"


class ExclusionViolation(ConstraintViolation, Conflict):
    """A PostgreSQL exclusion constraint found an overlap."""

    code = "exclusion"


class NotNullViolation(ConstraintViolation):
    """A column that must have a value got none."""

    code = "not_null"


class CheckViolation(ConstraintViolation):
    """A CHECK constraint refused the row."""

    code = "check"


class RefusedByDatabase(ConstraintViolation):
    """A trigger or procedure of the database refused the write.

    ``reason`` has its own words. ``str`` shows them, for the log; ``message``, which a client may
    be sent, does not: they are the database's, and may hold any value of the row.
    """

    code = "refused_by_database"

    def __init__(self, message: str, *, reason: str | None = None, **about: Unpack[About]) -> None:
        super().__init__(message, **about)
        self.reason = reason

    def __str__(self) -> str:
        first, *rest = super().__str__().split("\n", 1)
        said = f": {_SAID.repr(self.reason)}" if self.reason else ""
        return "\n".join((first + said, *rest))


class Retryable(DatabaseError):
    """The transaction was surely rolled back; running the whole unit again may succeed."""

    code = "retryable"


class SerializationFailure(Retryable):
    """Concurrent units could not be put in an order."""

    code = "serialization_failure"


class Deadlock(Retryable):
    """The database ended this unit to break a cycle of locks."""

    code = "deadlock"


class LockTimeout(Retryable):
    """A lock was not to be had in the time allowed."""

    code = "lock_timeout"


class Unavailable(DatabaseError):
    """The database cannot serve now; what was asked did not happen."""

    code = "unavailable"


class ConnectionFailed(Unavailable):
    """No connection could be made; nothing was sent."""

    code = "connection_failed"


class ConnectionLost(Unavailable):
    """The connection broke in the unit, before its COMMIT was sent."""

    code = "connection_lost"


class ReadOnlyServer(Unavailable):
    """A write reached a server that takes none, such as a standby."""

    code = "read_only_server"


class PoolTimeout(Unavailable):
    """Every connection stayed in use for longer than ``pool_timeout`` seconds."""

    code = "pool_timeout"


class PoolDeadlock(PoolTimeout):
    """The units that hold every connection are waiting for one more each."""

    code = "pool_deadlock"


class StatementTimeout(DatabaseError):
    """A statement ran longer than ``statement_timeout`` and was ended."""

    code = "statement_timeout"


class StatementCancelled(DatabaseError):
    """A statement was ended by an administrator or another connection."""

    code = "statement_cancelled"


class CommitUnknown(DatabaseError):
    """COMMIT was sent and no answer came: it may have happened. Never retried."""

    code = "commit_unknown"


class InvalidValue(DatabaseError):
    """A value that the column's type cannot hold."""

    code = "invalid_value"


class InvalidStatement(DatabaseError):
    """A missing table or column, a syntax error, or types that do not fit."""

    code = "invalid_statement"


class PermissionDenied(DatabaseError):
    """The database user may not do this, or could not log in."""

    code = "permission_denied"
