"""Find the SQL type of an expression, also where SQLAlchemy has none, as for most functions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from types import NoneType
from typing import Any, Final, get_args, get_type_hints
from uuid import UUID

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Date,
    DateTime,
    Double,
    Enum,
    Integer,
    Numeric,
    String,
    Time,
    Uuid,
)
from sqlalchemy.sql.functions import Function
from sqlalchemy.types import NullType, TypeEngine

__all__ = ["type_of"]

#: Functions of texts that return a text.
_TEXTS: Final = frozenset(
    [
        "lower",
        "upper",
        "initcap",
        "trim",
        "ltrim",
        "rtrim",
        "btrim",
        "substr",
        "substring",
        "replace",
        "reverse",
        "left",
        "right",
        "lpad",
        "rpad",
        "repeat",
        "concat_ws",
        "unaccent",
    ]
)
#: Functions that return an integer.
_INTEGERS: Final = frozenset(
    [
        "length",
        "char_length",
        "character_length",
        "octet_length",
        "instr",
        "strpos",
        "position",
        "ascii",
        "sign",
        "array_length",
        "cardinality",
        "json_array_length",
    ]
)
#: Functions whose result has the type of their first argument.
_SAME: Final = frozenset(["abs", "nullif", "ifnull", "greatest", "least"])

_TYPES: Final[Mapping[Any, TypeEngine[Any]]] = {
    str: String(),
    int: Integer(),
    float: Double(),
    bool: Boolean(),
    Decimal: Numeric(),
    date: Date(),
    datetime: DateTime(),
    time: Time(),
    UUID: Uuid(),
}


def type_of(element: ColumnElement[Any], function: Any = None) -> TypeEngine[Any]:
    """Return the type of an expression: its own, its function's, or the annotated one.

    ``function`` is the Python function that makes it. If none gives a type, it is a ``NullType``.
    """
    kind = element.type
    if not isinstance(kind, NullType):
        return kind
    if isinstance(element, Function):
        kind = _function_type(element)
    if isinstance(kind, NullType) and function is not None:
        kind = _annotated_type(function) or kind
    # Callers compare by identity: the element's own type needs no ``type_coerce``, another does.
    return element.type if isinstance(kind, NullType) else kind


def _function_type(call: Function[Any]) -> TypeEngine[Any]:
    """Return the type of the result of a well-known function."""
    name = call.name.lower()
    if name in _INTEGERS:
        return _TYPES[int]
    if name in _TEXTS:
        return _TYPES[str]
    arguments: list[Any] = list(call.clauses)
    if name not in _SAME or not arguments:
        return call.type
    kind = type_of(arguments[0])
    plain = isinstance(kind, String) and not isinstance(kind, Enum)
    return _TYPES[str] if plain else kind


def _annotated_type(function: Any) -> TypeEngine[Any] | None:
    """Return the SQL type of a function's annotated result, if it is a plain one."""
    try:
        found = get_type_hints(function).get("return")
    except Exception:  # noqa: BLE001 # a name that is not there, of whatever the user wrote
        return None
    kinds = [kind for kind in get_args(found) or (found,) if kind is not NoneType]
    return _TYPES.get(kinds[0]) if len(kinds) == 1 else None
