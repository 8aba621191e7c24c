from __future__ import annotations

from colonnade.cli.failure import Failure, one_line
from colonnade.errors import ConnectionFailed, InvalidStatement, InvalidURL


def test_a_line_has_the_cause_and_the_hint() -> None:
    error = InvalidURL("the database URL is empty", hint="for example\nsqlite:///shop.db")
    assert one_line(error) == "the database URL is empty; for example sqlite:///shop.db"


def test_a_line_has_the_drivers_own_words_and_only_the_first_of_them() -> None:
    error = ConnectionFailed("the database cannot be reached")
    error.__cause__ = OSError("no route\nto host")
    assert one_line(error) == "the database cannot be reached; no route"


def test_a_cause_without_words_adds_none() -> None:
    error = ConnectionFailed("the database cannot be reached")
    error.__cause__ = TimeoutError()
    assert one_line(error) == "the database cannot be reached"


def test_a_statement_that_does_not_fit_speaks_of_other_tables() -> None:
    assert "empty database" in one_line(InvalidStatement("no such column"))


def test_an_error_without_words_is_told_by_its_name() -> None:
    assert one_line(Failure("no")) == "no"
    assert one_line(OSError()) == "OSError"
