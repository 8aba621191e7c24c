"""In charge of mistakes: whatever ends a command ends it with one line."""

from __future__ import annotations

from colonnade.errors import ColonnadeError, DatabaseError, InvalidStatement

__all__ = ["Failure", "one_line"]


class Failure(Exception):
    """A command cannot go on; its text is for whoever typed it."""


def one_line(error: Exception) -> str:
    """The cause and the next step, without a line break."""
    if not isinstance(error, ColonnadeError):
        return _joined(str(error) or type(error).__name__)
    parts = [error.message, _cause(error), error.hint]
    if isinstance(error, InvalidStatement):
        parts.append("if other tables have the same names, name an empty database")
    return _joined("; ".join(part for part in parts if part))


def _cause(error: ColonnadeError) -> str | None:
    """The driver's own words, which are kept from a log and not from whoever typed the URL."""
    cause = error.__cause__
    if not isinstance(error, DatabaseError) or cause is None:
        return None
    lines = str(getattr(cause, "orig", None) or cause).splitlines()
    return lines[0] if lines else None


def _joined(text: str) -> str:
    return " ".join(text.split())
