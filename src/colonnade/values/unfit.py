"""``UnfitValue``, which rules raise, and the parsers of Python types that most rules begin with.

A parser is Pydantic's validation in lax mode, since values come from URLs as text, without those
of its conversions that would guess, such as bytes to text or a bool to a number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any, Final, TypeAlias

from pydantic import TypeAdapter, ValidationError
from sqlalchemy.types import TypeEngine

__all__ = ["Rule", "RuleTarget", "TooLarge", "UnfitValue", "parse_value", "parser_of"]

#: A function that returns a value as the column stores it, or raises ``UnfitValue``.
Rule: TypeAlias = Callable[[Any], Any]

_BYTES: Final = (bytes, bytearray, memoryview)


class UnfitValue(ValueError):
    """A value does not fit a column. ``reason`` is None where the value's type says enough."""

    def __init__(self, reason: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason


class TooLarge(UnfitValue):
    """An integer that is larger than any that the column holds or is compared with."""


@dataclass(frozen=True, slots=True)
class RuleTarget:
    """The types of the column that a rule is made for, and the use of its values.

    ``stored`` is the SQL type, ``kind`` the Python type that the model declares, without its
    validators. With ``writing`` False the values are only compared with the column, so they may be
    larger than any that it can store.
    """

    stored: TypeEngine[Any]
    kind: Any
    writing: bool


def parser_of(kind: Any) -> Rule:
    """Return the function that converts a value to ``kind``, also from text as in a URL.

    It is made once for each type and shared by all columns of that type.
    """
    try:
        return _cached_parser(kind)
    except TypeError:  # not hashable
        return _make_parser(kind)


@lru_cache(maxsize=1024)
def _cached_parser(kind: Any) -> Rule:
    return _make_parser(kind)


def _make_parser(kind: Any) -> Rule:
    validate = TypeAdapter(kind).validate_python
    return lambda value: parse_value(validate, value)


def parse_value(validate: Callable[[Any], Any], value: Any) -> Any:
    """Return the value as Pydantic validates it.

    Raise ``UnfitValue`` for an invalid value, and for one that Pydantic would convert by guessing.
    """
    if isinstance(value, Enum) and not isinstance(value, str | int):
        raise UnfitValue
    try:
        found = validate(value)
    except ValidationError as error:
        # Pydantic's messages say what was expected, and do not contain the input.
        raise UnfitValue(
            "; ".join(item["msg"] for item in error.errors(include_input=False))
        ) from None
    # Pydantic takes True as 1. Somebody who writes a bool for a number has made a mistake.
    if isinstance(value, bool) and found is not value:
        raise UnfitValue
    if isinstance(value, _BYTES) and not isinstance(found, _BYTES):
        # Pydantic decodes bytes to text and numbers, but nothing says how they were encoded.
        raise UnfitValue
    return found
