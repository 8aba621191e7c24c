"""The codes that no server of the suite can be made to say, and what stands for an unknown one."""

from __future__ import annotations

import sqlite3

import asyncpg
import pymysql
import pytest
from sqlalchemy import MetaData, exc

from colonnade import errors as e
from colonnade.driver_errors.codes import MYSQL, POSTGRESQL, POSTGRESQL_CLASSES, SQLITE, Table
from colonnade.driver_errors.translate import ErrorContext, translate_error

WHERE = ErrorContext(MetaData())


def kind_of(error: BaseException) -> type:
    return type(translate_error(error, WHERE))


def postgresql(code: str) -> asyncpg.PostgresError:
    error: asyncpg.PostgresError = asyncpg.PostgresError.new({"C": code, "M": "no"})
    return error


def mysql(code: int) -> exc.DBAPIError:
    return exc.DBAPIError("SELECT", {}, pymysql.err.OperationalError(code, "no"))


def sqlite(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("no")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(("code", "kind"), POSTGRESQL.items())
def test_every_state_of_postgresql_means_what_the_table_says(code: str, kind: type) -> None:
    assert kind_of(postgresql(code)) is kind


@pytest.mark.parametrize(("code", "kind"), POSTGRESQL_CLASSES.items())
def test_an_unlisted_state_of_postgresql_means_what_its_class_means(code: str, kind: type) -> None:
    assert kind_of(postgresql(f"{code}ZZZ")) is kind


@pytest.mark.parametrize(("code", "kind"), MYSQL.items())
def test_every_code_of_mysql_means_what_the_table_says(code: int, kind: type) -> None:
    assert kind_of(mysql(code)) is kind


@pytest.mark.parametrize(("code", "kind"), SQLITE.items())
def test_every_code_of_sqlite_means_what_the_table_says(code: int, kind: type) -> None:
    assert kind_of(sqlite(code)) is kind


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_BUSY_SNAPSHOT, e.LockTimeout),
        (sqlite3.SQLITE_IOERR_READ, e.ConnectionLost),
        (sqlite3.SQLITE_READONLY_DIRECTORY, e.ReadOnlyServer),
        (sqlite3.SQLITE_CANTOPEN_ISDIR, e.ConnectionFailed),
        (sqlite3.SQLITE_CONSTRAINT_VTAB, e.ConstraintViolation),
    ],
)
def test_an_unlisted_extended_code_of_sqlite_means_what_its_low_byte_means(
    code: int, kind: type
) -> None:
    assert kind_of(sqlite(code)) is kind


@pytest.mark.parametrize("error", [postgresql("XX000"), mysql(9999), sqlite(2)])
def test_a_code_that_nobody_knows_is_a_plain_database_error(error: BaseException) -> None:
    answer = translate_error(error, WHERE)
    assert type(answer) is e.DatabaseError
    assert str(answer) == "the database reported an error"


@pytest.mark.parametrize("table", [POSTGRESQL, POSTGRESQL_CLASSES, MYSQL, SQLITE])
def test_every_kind_in_a_table_is_a_database_error(table: Table) -> None:
    assert all(issubclass(kind, e.DatabaseError) for kind in table.values())


def test_what_may_be_run_again_is_only_what_was_surely_rolled_back() -> None:
    retried = {
        code
        for table in (POSTGRESQL, POSTGRESQL_CLASSES, MYSQL, SQLITE)
        for code, kind in table.items()
        if issubclass(kind, e.Retryable)
    }
    assert retried == {"40001", "40P01", "55P03", "40", 1213, 1205, 3572, 1020, 5, 6}


def test_a_protocol_violation_is_no_proof_of_a_lost_connection() -> None:
    """PgBouncer says 08P01 for a database that it does not know."""
    assert kind_of(postgresql("08P01")) is e.ConnectionFailed
    assert kind_of(postgresql("08003")) is e.ConnectionLost
    assert kind_of(postgresql("08006")) is e.ConnectionLost
