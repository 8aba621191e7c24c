from __future__ import annotations

from colonnade.cli.ending import CommandFailure, describe_error
from colonnade.errors import ConnectionFailed, InvalidStatement, InvalidURL


def test_a_line_has_the_cause_and_the_hint() -> None:
    error = InvalidURL("the database URL is empty", hint="for example\nsqlite:///shop.db")
    assert describe_error(error) == "the database URL is empty; for example sqlite:///shop.db"


def test_a_line_has_the_drivers_own_words_and_only_the_first_of_them() -> None:
    error = ConnectionFailed("the database cannot be reached")
    error.__cause__ = OSError("no route\nto host")
    assert describe_error(error) == "the database cannot be reached; no route"


def test_a_cause_without_words_adds_none() -> None:
    error = ConnectionFailed("the database cannot be reached")
    error.__cause__ = TimeoutError()
    assert describe_error(error) == "the database cannot be reached"


def test_a_statement_that_does_not_fit_speaks_of_other_tables() -> None:
    assert "empty database" in describe_error(InvalidStatement("no such column"))


def test_an_error_without_words_is_told_by_its_name() -> None:
    assert describe_error(CommandFailure("no")) == "no"
    assert describe_error(OSError()) == "OSError"
