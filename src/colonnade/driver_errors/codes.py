"""List the error class for each code of a driver, one table for each database.

A code that is not listed falls back to its class (PostgreSQL's first two characters, SQLite's low
byte) and then to ``DatabaseError``. A state of a class that PostgreSQL does not have was raised by
a trigger or procedure. The codes were read off real servers;
``tests/driver_errors/test_translate.py`` provokes each that can be provoked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from colonnade import errors as e

__all__ = [
    "MYSQL",
    "MYSQL_BEYOND",
    "MYSQL_UNUSED",
    "POSTGRESQL",
    "POSTGRESQL_CLASSES",
    "POSTGRESQL_OTHERS",
    "REASONS",
    "SQLITE",
    "SQLITE_VALUES",
    "Table",
]

Table = Mapping[object, type[e.DatabaseError]]

POSTGRESQL: Final[Table] = {
    "23505": e.UniqueViolation,
    "23503": e.ForeignKeyViolation,
    "23001": e.ForeignKeyViolation,
    "23502": e.NotNullViolation,
    "23514": e.CheckViolation,
    "23P01": e.ExclusionViolation,
    "25006": e.ReadOnlyServer,
    # The server ends the connection with these.
    "25P03": e.ConnectionLost,
    "25P04": e.ConnectionLost,
    "40001": e.SerializationFailure,
    "40003": e.ConnectionLost,
    "40P01": e.Deadlock,
    # A value that is too large for an index, or for the memory of one value.
    "54000": e.InvalidValue,
    "55P03": e.LockTimeout,
    "42501": e.PermissionDenied,
    "53300": e.ConnectionFailed,
    "57014": e.StatementCancelled,
    "57P01": e.ConnectionLost,
    "57P02": e.ConnectionLost,
    "57P03": e.ConnectionFailed,
    "57P04": e.ConnectionLost,
    "57P05": e.ConnectionLost,
    "3D000": e.ConnectionFailed,
    # PgBouncer says "no such database" with it, so it is no proof of a broken connection.
    "08P01": e.ConnectionFailed,
}
POSTGRESQL_CLASSES: Final[Table] = {
    "08": e.ConnectionLost,
    "09": e.RefusedByDatabase,  # a trigger's action failed
    "0A": e.InvalidStatement,
    "0L": e.PermissionDenied,
    "0P": e.PermissionDenied,
    "20": e.InvalidStatement,
    "21": e.InvalidStatement,
    "22": e.InvalidValue,
    "23": e.ConstraintViolation,
    "24": e.InvalidStatement,
    "25": e.InvalidStatement,
    "26": e.InvalidStatement,
    "27": e.RefusedByDatabase,  # a trigger changed what was being changed
    "28": e.PermissionDenied,
    "2B": e.InvalidStatement,
    "2F": e.RefusedByDatabase,
    "34": e.InvalidStatement,
    "38": e.RefusedByDatabase,
    "39": e.RefusedByDatabase,
    "3B": e.InvalidStatement,
    "3D": e.InvalidStatement,
    "3F": e.InvalidStatement,
    "40": e.SerializationFailure,
    "42": e.InvalidStatement,
    "44": e.CheckViolation,  # a view WITH CHECK OPTION
    "53": e.Unavailable,
    "54": e.InvalidStatement,
    "55": e.InvalidStatement,
    "57": e.Unavailable,
    "58": e.Unavailable,
    "F0": e.Unavailable,
    "P0": e.RefusedByDatabase,  # RAISE EXCEPTION, ASSERT, and INTO STRICT of no row
}
#: Classes that PostgreSQL has besides, of which nothing more can be said.
POSTGRESQL_OTHERS: Final = frozenset(
    ("00", "01", "02", "03", "0B", "0F", "0Z", "2D", "72", "HV", "XX")
)


def _map_codes(*groups: tuple[type[e.DatabaseError], tuple[int, ...]]) -> dict[object, Any]:
    return {code: kind for kind, listed in groups for code in listed}


#: MariaDB's too. Where the two give a number to different errors, none is listed.
MYSQL: Final[Table] = _map_codes(
    (e.UniqueViolation, (1022, 1062, 1169, 1557, 1586, 1761, 1762)),
    (e.ForeignKeyViolation, (1216, 1217, 1451, 1452)),
    (e.NotNullViolation, (1048, 1263, 1364)),
    (e.CheckViolation, (1369, 3819, 4025)),
    (e.RefusedByDatabase, (1339, 1643, 1644, 1645)),  # SIGNAL, and CASE without an ELSE
    (e.Deadlock, (1213,)),
    (e.LockTimeout, (1205, 3572)),
    (e.SerializationFailure, (1020,)),
    (e.ConnectionLost, (1152, 1156, 1157, 1158, 1159, 1160, 1161, 1180, 1184, 1927)),
    (e.ConnectionLost, (2006, 2013, 2014, 2027, 2055, 4031)),
    (e.ConnectionFailed, (1040, 1042, 1043, 1047, 1049, 1053, 1129, 1203, 1226)),
    (e.ConnectionFailed, (2001, 2002, 2003, 2005, 2026)),
    (e.Unavailable, (1021, 1030, 1034, 1035, 1037, 1038, 1041, 1114, 1135, 1206, 1461)),
    (e.ReadOnlyServer, (1036, 1290, 1792, 1836)),
    (e.StatementCancelled, (1028, 1317)),
    (e.StatementTimeout, (1969, 3024)),
    (e.PermissionDenied, (1044, 1045, 1130, 1142, 1143, 1227, 1370, 1419, 1449, 1698)),
    # Out of range, cut, of another type, in letters that the column lacks, too long or too large.
    (e.InvalidValue, (1153, 1264, 1265, 1292, 1300, 1301, 1366, 1367, 1406, 1690, 2020)),
    (e.InvalidValue, (1138, 1298, 1365, 1411, 1416, 1441, 1525, 1526)),
    (e.InvalidValue, (1139, *range(3685, 3701))),  # a regular expression
    (e.InvalidValue, (*range(3140, 3145), *range(3146, 3151), *range(4035, 4043))),  # JSON
    (e.InvalidStatement, (1046, 1050, 1051, 1052, 1054, 1055, 1056, 1059, 1060, 1061, 1064, 1065)),
    (e.InvalidStatement, (1066, 1067, 1068, 1072, 1075, 1091, 1101, 1103, 1109, 1110, 1111, 1118)),
    (e.InvalidStatement, (1104, 1136, 1140, 1146, 1149, 1166, 1170, 1172, 1193, 1210, 1215, 1221)),
    (e.InvalidStatement, (1222, 1231, 1232, 1235, 1241, 1242, 1247, 1248, 1267, 1270, 1271, 1273)),
    (e.InvalidStatement, (1288, 1294, 1305, 1318, 1327, 1348, 1356, 1390, 1436, 1442, 1443, 1582)),
    (e.InvalidStatement, (1630, 1906, 3105)),
    (e.InvalidStatement, (1005, 1007, 1008, 1069, 1070, 1071, 1074, 1113, 1115, 1117, 1128, 1253)),
    (e.InvalidStatement, (1304, 1321, 1325, 1326, 1359, 1360, 1414, 1415, 1418, 1422, 1424, 1456)),
)
#: No server gives these, or a greater one, to an error: SIGNAL … SET MYSQL_ERRNO has made it up.
MYSQL_UNUSED: Final = frozenset((1000, 1001, 1002, 1003))
MYSQL_BEYOND: Final = 10000

#: Extended codes first; a primary code (its low byte) stands for all of its kind.
SQLITE: Final[Table] = {
    2067: e.UniqueViolation,
    1555: e.UniqueViolation,
    2579: e.UniqueViolation,
    787: e.ForeignKeyViolation,
    # RAISE in a trigger; ``translate`` tells the foreign keys apart that share it.
    1811: e.RefusedByDatabase,
    1299: e.NotNullViolation,
    275: e.CheckViolation,
    3091: e.InvalidValue,
    1: e.InvalidStatement,
    3: e.PermissionDenied,
    4: e.StatementCancelled,
    5: e.LockTimeout,
    6: e.LockTimeout,
    7: e.Unavailable,
    8: e.ReadOnlyServer,
    9: e.StatementTimeout,
    10: e.ConnectionLost,
    11: e.Unavailable,
    13: e.Unavailable,
    14: e.ConnectionFailed,
    17: e.InvalidStatement,
    18: e.InvalidValue,
    19: e.ConstraintViolation,
    20: e.InvalidValue,
    21: e.InvalidStatement,
    23: e.PermissionDenied,
    25: e.InvalidStatement,
    26: e.Unavailable,
}
#: What SQLite says with the code of a statement that it does not understand, and means of a value.
SQLITE_VALUES: Final[Mapping[str, str]] = {
    "integer overflow": "it is out of range",
    "malformed JSON": "it is no JSON",
    "LIKE or GLOB pattern too complex": "it is too long for a pattern",
}

#: Why a value does not fit, by PostgreSQL's codes and by MySQL's.
REASONS: Final[Mapping[object, str]] = {
    "2200N": "it is no XML",
    "22001": "it is too long",
    "22003": "it is out of range",
    "22007": "it is no date or time",
    "22008": "it is out of range",
    "22012": "it would be divided by zero",
    "22021": "the database's encoding lacks a letter of it",
    "22023": "it is not one that the function takes",
    "2201B": "it is no regular expression",
    "2201E": "it has no logarithm",
    "2201F": "it has no such power",
    "22P02": "it is of another type",
    "22P05": "the database's encoding lacks a letter of it",
    "54000": "it is too large",
    1139: "it is no regular expression",
    1153: "it is larger than the server's max_allowed_packet",
    1264: "it is out of range",
    1301: "it is larger than the server's max_allowed_packet",
    1365: "it would be divided by zero",
    1298: "there is no such time zone",
    1292: "it is of another type, or out of range",
    1366: "it is of another type, or the column's character set lacks a letter of it",
    1406: "it is too long",
    1441: "it is out of range",
    1690: "it is out of range",
    2020: "it is larger than the server's max_allowed_packet",
}
