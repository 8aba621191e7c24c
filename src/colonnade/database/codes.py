"""In charge of the driver codes: which error of ours each code of theirs means.

One table a database. A code that is not listed falls back to its class (PostgreSQL's first two
characters, SQLite's low byte) and then to the plain ``DatabaseError``. The figures were read off
real servers; ``tests/database/test_translate.py`` provokes each that can be provoked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from colonnade import errors as e

__all__ = ["MYSQL", "POSTGRESQL", "POSTGRESQL_CLASSES", "REASONS", "SQLITE", "Table"]

Table = Mapping[object, type[e.DatabaseError]]

POSTGRESQL: Final[Table] = {
    "23505": e.UniqueViolation,
    "23503": e.ForeignKeyViolation,
    "23001": e.ForeignKeyViolation,
    "23502": e.NotNullViolation,
    "23514": e.CheckViolation,
    "23P01": e.ExclusionViolation,
    "40001": e.SerializationFailure,
    "40003": e.ConnectionLost,
    "40P01": e.Deadlock,
    "55P03": e.LockTimeout,
    "25006": e.ReadOnlyServer,
    "42501": e.PermissionDenied,
    "53300": e.ConnectionFailed,
    "57014": e.StatementCancelled,
    "57P01": e.ConnectionLost,
    "57P02": e.ConnectionLost,
    "57P03": e.ConnectionFailed,
    "57P05": e.ConnectionLost,
    "3D000": e.ConnectionFailed,
    # PgBouncer says "no such database" with it, so it is no proof of a broken connection.
    "08P01": e.ConnectionFailed,
}
POSTGRESQL_CLASSES: Final[Table] = {
    "08": e.ConnectionLost,
    "22": e.InvalidValue,
    "23": e.ConstraintViolation,
    "28": e.PermissionDenied,
    "40": e.SerializationFailure,
    "42": e.InvalidStatement,
    "53": e.Unavailable,
    "57": e.Unavailable,
}

MYSQL: Final[Table] = {
    1062: e.UniqueViolation,
    1586: e.UniqueViolation,
    1451: e.ForeignKeyViolation,
    1452: e.ForeignKeyViolation,
    1048: e.NotNullViolation,
    1364: e.NotNullViolation,
    3819: e.CheckViolation,
    4025: e.CheckViolation,
    1213: e.Deadlock,
    1205: e.LockTimeout,
    1020: e.SerializationFailure,
    1180: e.ConnectionLost,
    1927: e.ConnectionLost,
    2006: e.ConnectionLost,
    2013: e.ConnectionLost,
    2055: e.ConnectionLost,
    4031: e.ConnectionLost,
    1040: e.ConnectionFailed,
    1047: e.ConnectionFailed,
    1049: e.ConnectionFailed,
    1053: e.ConnectionFailed,
    2002: e.ConnectionFailed,
    2003: e.ConnectionFailed,
    2005: e.ConnectionFailed,
    1290: e.ReadOnlyServer,
    1792: e.ReadOnlyServer,
    1836: e.ReadOnlyServer,
    1317: e.StatementCancelled,
    1969: e.StatementTimeout,
    3024: e.StatementTimeout,
    1044: e.PermissionDenied,
    1045: e.PermissionDenied,
    1142: e.PermissionDenied,
    1143: e.PermissionDenied,
    1227: e.PermissionDenied,
    1264: e.InvalidValue,
    1265: e.InvalidValue,
    1292: e.InvalidValue,
    1366: e.InvalidValue,
    1406: e.InvalidValue,
    1054: e.InvalidStatement,
    1064: e.InvalidStatement,
    1146: e.InvalidStatement,
    1305: e.InvalidStatement,
}

#: Extended codes first; a primary code (its low byte) stands for all of its kind.
SQLITE: Final[Table] = {
    2067: e.UniqueViolation,
    1555: e.UniqueViolation,
    2579: e.UniqueViolation,
    787: e.ForeignKeyViolation,
    1811: e.ForeignKeyViolation,
    1299: e.NotNullViolation,
    275: e.CheckViolation,
    3091: e.InvalidValue,
    1: e.InvalidStatement,
    3: e.PermissionDenied,
    5: e.LockTimeout,
    6: e.LockTimeout,
    8: e.ReadOnlyServer,
    9: e.StatementTimeout,
    10: e.ConnectionLost,
    11: e.Unavailable,
    13: e.Unavailable,
    14: e.ConnectionFailed,
    18: e.InvalidValue,
    19: e.ConstraintViolation,
    20: e.InvalidValue,
    23: e.PermissionDenied,
    26: e.Unavailable,
}

#: Why a value does not fit, by PostgreSQL's codes and by MySQL's.
REASONS: Final[Mapping[object, str]] = {
    "22001": "it is too long",
    "22003": "it is out of range",
    "22007": "it is no date or time",
    "22008": "it is out of range",
    "22021": "the database's encoding lacks a letter of it",
    "22P02": "it is of another type",
    "22P05": "the database's encoding lacks a letter of it",
    1264: "it is out of range",
    1292: "it is of another type, or out of range",
    1366: "it is of another type, or the column's character set lacks a letter of it",
    1406: "it is too long",
}
