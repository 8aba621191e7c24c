"""In charge of saying no: the error of a value that is none of a column's, and why it is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any, Final, TypeAlias

from pydantic import TypeAdapter, ValidationError
from sqlalchemy.types import TypeEngine

__all__ = ["Asked", "Rule", "Unfit", "parse", "parser_of"]

#: Turns a value into the one that the column stores; raises ``Unfit``.
Rule: TypeAlias = Callable[[Any], Any]

_BYTES: Final = (bytes, bytearray, memoryview)


class Unfit(ValueError):
    """A value that is none of a column's; ``reason`` is None where its type says it all."""

    def __init__(self, reason: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Asked:
    """The column that a rule is made for, and what it is for.

    ``stored`` is the SQL type, ``kind`` the Python type that the model declares, without its
    validators. Not ``writing``, a value that is merely larger than any of the column's may be
    compared with it.
    """

    stored: TypeEngine[Any]
    kind: Any
    writing: bool


def parser_of(kind: Any) -> Rule:
    """Return what reads a value as ``kind``, from text too, as it comes from a URL.

    One validator serves all the columns of a type.
    """
    try:
        return _parser_of(kind)
    except TypeError:  # not hashable
        return _made(kind)


@lru_cache(maxsize=1024)
def _parser_of(kind: Any) -> Rule:
    return _made(kind)


def _made(kind: Any) -> Rule:
    validate = TypeAdapter(kind).validate_python
    return lambda value: parse(validate, value)


def parse(validate: Callable[[Any], Any], value: Any) -> Any:
    """Return the value as Pydantic reads it. Raises ``Unfit``, for what it would guess too."""
    if isinstance(value, Enum) and not isinstance(value, str | int):
        raise Unfit
    try:
        found = validate(value)
    except ValidationError as error:
        # Pydantic's own words tell what was expected and not what was given.
        raise Unfit("; ".join(item["msg"] for item in error.errors(include_input=False))) from None
    if isinstance(value, bool) and found is not value:
        raise Unfit
    if isinstance(value, _BYTES) and not isinstance(found, _BYTES):
        # Pydantic reads text and numbers from bytes, and nothing says how they were encoded.
        raise Unfit
    return found
