"""In charge of values: whether one fits a column, before any connection is taken.

What a database would round, cut or misread is refused here, by type and never by value; what is
merely larger than anything the column holds is an honest question, and gets its answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, get_args, get_origin

import sqlalchemy as sa
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.types import TypeEngine
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

from colonnade.errors import InvalidOperand, InvalidValue
from colonnade.filters.families import Family, family_of, item_type, plain_type
from colonnade.mapping import Column, mapping_of, memoized
from colonnade.models import DateTimeUTC, EnumValue, ExactDecimal

__all__ = ["check_of", "compared_of", "kind_at", "kind_of", "misfit", "one_of", "unfit_text"]

Check = Callable[[Any], Any]

_BYTES: Final = (bytes, bytearray, memoryview)
_BEYOND: Final = 2**63
#: Bytes or letters that a comparison takes; the servers' packets are 16 MB.
_LONGEST: Final = 1_000_000
#: Of a decimal, before its point or after it.
_DIGITS: Final = 80
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 # as SQLAlchemy counts intervals, without a zone


@memoized
def one_of(owner: type[Any], column: str, name: str) -> Check:
    """What turns one value into what the column holds; errors speak of it as ``name``.

    A string that reads as the column's type is taken for it, as it comes from a URL. What does
    not fit raises ``InvalidOperand``, which names the type and not the value.
    """
    return _checked(kind_of(owner, mapping_of(owner).columns[column]), name, _unfit)


@memoized
def compared_of(owner: type[Any], column: str, name: str) -> Check:
    """The same for a value that the column is compared with."""
    mapped = mapping_of(owner).columns[column]
    return check_of(kind_of(owner, mapped), mapped.type, name)


def check_of(kind: Any, stored: TypeEngine[Any], name: str) -> Check:
    """Return the same for a column whose values are ``kind`` in Python and ``stored`` in SQL."""
    check = _checked(kind, name, _unfit)
    prepare = _PREPARE[family_of(stored)]
    if prepare is None:
        return check

    def compared(value: Any) -> Any:
        found = check(value)
        try:
            return prepare(stored, found)
        except InvalidValue as error:
            raise misfit(name, kind, value, error.hint or error.message) from None

    return compared


def _checked(kind: Any, name: str, unfit: Callable[[Any], str | None]) -> Check:
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    exact = kind if isinstance(kind, type) else None

    def check(value: Any) -> Any:
        if isinstance(value, Enum) and exact in (int, str):
            # Pydantic takes the value of a member for an int or a str, whatever it is.
            if not isinstance(value.value, exact):
                raise misfit(name, kind, value, None)
            value = exact(value.value)
        try:
            found = value if type(value) is exact else adapter.validate_python(value)
        except ValidationError as error:
            raise misfit(name, kind, value, _reasons(error)) from None
        if isinstance(value, bool) and found is not value:
            raise misfit(name, kind, value, None)
        if isinstance(value, _BYTES) and not isinstance(found, _BYTES):
            # Pydantic reads text and numbers from bytes, and nothing says how they were encoded.
            raise misfit(name, kind, value, None)
        if reason := unfit(found):
            raise misfit(name, kind, value, reason)
        return found

    return check


def _unfit(value: Any) -> str | None:
    """Why no database takes a value, though its type is right."""
    if type(value) is int and not -_BEYOND <= value < _BEYOND:
        return "an integer has at most 64 bits"
    return unfit_text(value) if isinstance(value, str) else None


def unfit_text(value: str) -> str | None:
    """Why no database takes a text."""
    if "\0" in value:
        return "the character NUL is in no text"
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return "half a surrogate pair is no character"
    return None


def kind_of(owner: type[Any], column: Column) -> Any:
    """The Python type of a column: as annotated on the model, without None, else as in SQL."""
    return kind_at(owner, column.name, column.type)


def kind_at(owner: type[Any], name: str, stored: TypeEngine[Any]) -> Any:
    """Return the same for the attribute ``name``; needs no configured mapper."""
    field = getattr(owner, "model_fields", {}).get(name)
    if field is not None:
        return _without_none(field.annotation)
    try:
        return stored.python_type
    except NotImplementedError:
        return Any


@memoized
def _without_none(annotation: Any) -> Any:
    arguments = [item for item in get_args(annotation) if item is not type(None)]
    is_union = get_origin(annotation) is not None and len(arguments) != len(get_args(annotation))
    return arguments[0] if is_union and len(arguments) == 1 else annotation


def misfit(name: str, kind: Any, value: Any, hint: str | None) -> InvalidOperand:
    """The error for a value of the wrong type, or out of its range."""
    spelled = kind.__name__ if isinstance(kind, type) else str(kind)
    return InvalidOperand(
        f"{name} takes {spelled}, not this {type(value).__name__}", hint=hint, fields=(name,)
    )


def _reasons(error: ValidationError) -> str:
    """Pydantic's own words, which tell what was expected and not what was given."""
    return "; ".join(item["msg"] for item in error.errors(include_input=False))


# What follows prepares a value of the right type for a comparison, or raises InvalidValue.


def _text(kind: TypeEngine[Any], value: Any) -> Any:
    if isinstance(kind, sa.String | AutoString) and not isinstance(value, str):
        value = str(value)  # SQLModel keeps paths and IP addresses as text
    return _short(kind, value)


def _short(_kind: TypeEngine[Any], value: Any) -> Any:
    if isinstance(value, str | bytes) and len(value) > _LONGEST:
        raise InvalidValue(f"a comparison takes at most {_LONGEST} letters or bytes")
    return value


def _integer(kind: TypeEngine[Any], value: Any) -> Any:
    # A plain integer column is compared with 64 bits, whatever its own width.
    if not isinstance(kind, sa.Integer):
        _narrow(kind, value)
    return value


def _narrow(kind: TypeEngine[Any], value: Any) -> None:
    plain = plain_type(kind)
    bits = 64 if isinstance(plain, sa.BigInteger) else 32
    bits = 16 if isinstance(plain, sa.SmallInteger) else bits
    if type(value) is int and not -(1 << bits - 1) <= value < 1 << bits - 1:
        raise InvalidValue(f"the column holds integers of {bits} bits")


def _float(_kind: TypeEngine[Any], value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidValue("NaN and Infinity are not compared the same everywhere")
    return value


def _decimal(kind: TypeEngine[Any], value: Any) -> Any:
    if not isinstance(value, Decimal):
        return _float(kind, value)
    if not value.is_finite():
        raise InvalidValue("NaN and Infinity are not compared the same everywhere")
    if isinstance(kind, ExactDecimal):
        kind.comparable.units(value)
        return value
    plain = Decimal(format(value, "f")) if abs(value.adjusted()) <= _DIGITS else value
    if abs(plain.adjusted()) > _DIGITS or len(plain.as_tuple().digits) > 2 * _DIGITS:
        raise InvalidValue(f"a decimal has at most {_DIGITS} digits on either side of the point")
    return plain


def _datetime(kind: TypeEngine[Any], value: Any) -> Any:
    if not isinstance(value, datetime):
        return value
    aware = value.utcoffset() is not None
    if isinstance(kind, DateTimeUTC | UTCDateTime) or _zoned(kind) is True:
        if not aware:
            raise InvalidValue(
                "", hint="a naive datetime does not say which moment it means: give it a tzinfo"
            )
        try:
            return value.astimezone(UTC)
        except OverflowError:
            raise InvalidValue("in UTC this is beyond the calendar") from None
    if aware and _zoned(kind) is False:
        raise InvalidValue("", hint="the column has no time zone: hand in a naive datetime")
    return value


def _time(kind: TypeEngine[Any], value: Any) -> Any:
    if isinstance(value, time) and value.tzinfo is not None and _zoned(kind) is False:
        raise InvalidValue("", hint="the column has no time zone: hand in a naive time")
    return value


def _zoned(kind: TypeEngine[Any]) -> bool | None:
    """Whether a plain type keeps a zone; None for a type of the user's own."""
    return bool(kind.timezone) if isinstance(kind, sa.DateTime | sa.Time) else None


def _interval(_kind: TypeEngine[Any], value: Any) -> Any:
    if isinstance(value, timedelta):
        try:
            return value + _EPOCH - _EPOCH
        except OverflowError:
            raise InvalidValue("databases without intervals count one from 1970") from None
    return value


def _enum(kind: TypeEngine[Any], value: Any) -> Any:
    if isinstance(kind, EnumValue):
        kind.plain(value)
    plain = plain_type(kind)
    if isinstance(plain, sa.Enum) and value not in plain._valid_lookup and value not in plain.enums:
        raise InvalidValue(f"Input should be one of {', '.join(map(repr, plain.enums))}")
    return value


def _array(kind: TypeEngine[Any], value: Any) -> Any:
    """Items of a list, which the driver would find at fault."""
    item = item_type(kind)
    prepare = _PREPARE[family_of(item)]

    def prepared(one: Any) -> Any:
        if isinstance(one, list | tuple):
            return [prepared(inner) for inner in one]
        if one is None:
            raise InvalidValue("", hint="None is never equal to anything, in an array either")
        if reason := _unfit(one):
            raise InvalidValue(reason)
        _narrow(item, one)
        return one if prepare is None else prepare(item, one)

    return prepared(value)


_PREPARE: Final[Mapping[Family, Callable[[TypeEngine[Any], Any], Any] | None]] = MappingProxyType(
    {
        "text": _text,
        "integer": _integer,
        "float": _float,
        "decimal": _decimal,
        "boolean": None,
        "date": None,
        "time": _time,
        "datetime": _datetime,
        "interval": _interval,
        "uuid": None,
        "enum": _enum,
        "json": None,
        "array": _array,
        "bytes": _short,
        "other": None,
    }
)
