"""The words of servers other than the suite's, and words that are not as expected."""

from __future__ import annotations

import asyncpg
import pytest

from colonnade.driver_errors.violations import (
    Violation,
    parse_mysql,
    parse_postgresql,
    parse_sqlite,
)


@pytest.mark.parametrize(
    ("code", "text", "violation"),
    [
        (1062, "Duplicate entry 'x' for key 'uq_team_name'", Violation("uq_team_name")),
        # MySQL 8 names the table too.
        (1062, "Duplicate entry 'x' for key 'team.uq_name'", Violation("uq_name", "team")),
        (1062, "Duplicate entry ' for key 'a'' for key 'b'", Violation("b")),
        (1586, "Duplicate entry 'x' for key 'uq'", Violation("uq")),
        (1048, "Column 'name' cannot be null", Violation(columns=("name",))),
        (1364, "Field 'name' doesn't have a default value", Violation(columns=("name",))),
        (
            1452,
            (
                "Cannot add or update a child row: a foreign key constraint fails (`shop`."
                "`hero`, CONSTRAINT `fk` FOREIGN KEY (`a`, `b`) REFERENCES `team` (`a`, `b`))"
            ),
            Violation("fk", "hero", ("a", "b")),
        ),
        (4025, "CONSTRAINT `ck` failed for `shop`.`hero`", Violation("ck", "hero")),
        (3819, "Check constraint 'ck' is violated.", Violation("ck")),
        # MariaDB names the check of a column, such as its own of JSON, after it.
        (
            4025,
            "CONSTRAINT `hero.data` failed for `shop`.`hero`",
            Violation("hero.data", "hero", ("data",)),
        ),
        (1406, "Data too long for column 'name' at row 1", Violation(columns=("name",))),
        (1264, "Out of range value for column 'rank' at row 2", Violation(columns=("rank",))),
        (
            1366,
            "Incorrect integer value: 'a for column 'b' at row 1' for column `s`.`t`.`c` at row 1",
            Violation(columns=("c",)),
        ),
    ],
)
def test_mysqls_words_are_read_from_their_known_place(
    code: int, text: str, violation: Violation
) -> None:
    assert parse_mysql(code, text) == violation


@pytest.mark.parametrize("code", [1062, 1586, 1048, 1364, 1451, 1452, 4025, 3819, 1406])
def test_mysqls_words_of_another_form_tell_nothing(code: int) -> None:
    assert parse_mysql(code, "Doppelter Eintrag 'name' für Schlüssel \"uq\"") == Violation()


@pytest.mark.parametrize(
    ("text", "violation"),
    [
        ("UNIQUE constraint failed: team.name", Violation(None, "team", ("name",))),
        ("UNIQUE constraint failed: t.a, t.b", Violation(None, "t", ("a", "b"))),
        ("UNIQUE constraint failed: index 'lower_name'", Violation("lower_name")),
        ("NOT NULL constraint failed: team.name", Violation(None, "team", ("name",))),
        ("CHECK constraint failed: ck_age", Violation("ck_age")),
        ("FOREIGN KEY constraint failed", Violation()),
        ("database is locked", Violation()),
    ],
)
def test_sqlites_words_are_read_from_their_known_place(text: str, violation: Violation) -> None:
    assert parse_sqlite(text) == violation


def postgresql(code: str, **fields: str) -> asyncpg.PostgresError:
    """What asyncpg makes of a server's answer."""
    letters = {"detail": "D", "table_name": "t", "column_name": "c", "constraint_name": "n"}
    told = {letters[name]: text for name, text in fields.items()}
    return asyncpg.PostgresError.new({"C": code, "M": "refused", **told})


def test_postgresqls_key_gives_the_columns_of_a_unique_constraint() -> None:
    detail = 'Key (a, "B c")=(secret, secret) already exists.'
    error = postgresql("23505", detail=detail, table_name="t", constraint_name="uq")
    assert parse_postgresql(error) == Violation("uq", "t", ("a", "B c"))


def test_postgresqls_column_comes_before_its_key() -> None:
    error = postgresql("23502", detail="Failing row contains (secret)", column_name="a")
    assert parse_postgresql(error) == Violation(None, None, ("a",))


@pytest.mark.parametrize("code", ["23503", "23001"])
def test_the_key_of_a_reference_is_not_taken_for_the_referring_columns(code: str) -> None:
    detail = 'Key (id)=(1) is still referenced from table "hero".'
    error = postgresql(code, detail=detail, table_name="hero", constraint_name="fk")
    assert parse_postgresql(error) == Violation("fk", "hero")


def test_without_a_detail_the_constraint_is_all_that_is_told() -> None:
    assert parse_postgresql(postgresql("23505", constraint_name="uq")) == Violation("uq")
