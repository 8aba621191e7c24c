"""Statuses: which one each class of the error tree has."""

from __future__ import annotations

import pytest

from colonnade import errors
from colonnade.errors import ColonnadeError
from colonnade.fastapi import status_of

EXPECTED = {
    404: {"NotFound"},
    409: {
        *("Conflict", "ConstraintViolation", "ExclusionViolation", "ForeignKeyViolation"),
        *("OutOfScope", "RefusedByDatabase", "StaleVersion", "UniqueViolation"),
    },
    422: {
        *("AmbiguousLookup", "CheckViolation", "InvalidChanges", "InvalidCursor", "InvalidOperand"),
        *("InvalidPage", "InvalidRequest", "InvalidValue", "NotNullViolation", "UnknownField"),
        *("RefusedByModel", "Unfiltered", "UnknownOperator"),
    },
    500: {
        *("ColonnadeError", "ColumnNotLoaded", "CommitUnknown", "ConfigurationError"),
        *("DatabaseError", "DriverNotInstalled", "InvalidMapping", "InvalidSchema"),
        *("InvalidSetting", "InvalidStatement", "InvalidURL", "MultipleFound", "NotLoaded"),
        *("PermissionDenied", "ReadOnlySession", "RelationshipNotLoaded", "ScopeUnbound"),
        *("SessionClosed", "SessionShared", "StreamClosed", "TransactionAborted", "UsageError"),
    },
    503: {
        *("ConnectionFailed", "ConnectionLost", "Deadlock", "LockTimeout", "PoolDeadlock"),
        *("PoolTimeout", "ReadOnlyServer", "Retryable", "SerializationFailure"),
        *("StatementCancelled", "Unavailable"),
    },
    504: {"StatementTimeout"},
}


@pytest.mark.parametrize("name", errors.__all__)
def test_every_class_of_the_error_tree_has_its_status(name: str) -> None:
    kind: type[ColonnadeError] = getattr(errors, name)
    assert name in EXPECTED[status_of(kind)]


def test_an_error_of_a_users_own_has_the_status_of_its_base() -> None:
    class OutOfStock(errors.Conflict):
        """No more of them."""

    assert status_of(OutOfStock) == 409
