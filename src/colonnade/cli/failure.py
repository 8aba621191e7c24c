"""``Failure``, which ends a command, and the one line that is printed for any error."""

from __future__ import annotations

from colonnade.errors import ColonnadeError, DatabaseError, InvalidStatement

__all__ = ["Failure", "one_line"]


class Failure(Exception):
    """The error of a command that cannot go on; its text is printed for the user."""


def one_line(error: Exception) -> str:
    """Return the message of an error, its cause and its hint, without a line break."""
    if not isinstance(error, ColonnadeError):
        return _joined(str(error) or type(error).__name__)
    parts = [error.message, _cause(error), error.hint]
    if isinstance(error, InvalidStatement):
        parts.append("if other tables have the same names, name an empty database")
    return _joined("; ".join(part for part in parts if part))


def _cause(error: ColonnadeError) -> str | None:
    """Return the first line of the driver's message, or None.

    It may show values or parts of the URL, so errors do not contain it; but the user of the
    command line has typed the URL and may see it.
    """
    cause = error.__cause__
    if not isinstance(error, DatabaseError) or cause is None:
        return None
    lines = str(getattr(cause, "orig", None) or cause).splitlines()
    return lines[0] if lines else None


def _joined(text: str) -> str:
    """Return a text in one line."""
    return " ".join(text.split())
