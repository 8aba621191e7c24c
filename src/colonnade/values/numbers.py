"""The rules of numbers: the range of integers, the digits of decimals, finite floats.

No number is rounded or cut: one that the column cannot store exactly is refused.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal
from enum import Enum
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine

from colonnade.errors import InvalidValue
from colonnade.models import ExactDecimal
from colonnade.values.families import DIALECTS, plain_type
from colonnade.values.unfit import Rule, RuleTarget, TooLarge, UnfitValue, parser_of

__all__ = ["check_integer_range", "decimal_rule", "float_rule", "integer_bounds", "integer_rule"]

_LEAST, _BEYOND = -(2**63), 2**63
_BITS: Final = "an integer has at most 64 bits"
#: The most digits of a decimal that is compared, on either side of the point.
_DIGITS: Final = 80
#: The scale of a column that declares none: the most that MySQL and MariaDB have.
_AFTER: Final = 30
_STRANGE: Final = "NaN and Infinity are not compared the same everywhere"


def integer_rule(asked: RuleTarget) -> Rule:
    """Return the rule of a column of integers.

    A written value must be in the column's range, a compared one in that of 64 bits.
    """
    parsed = parser_of(bool if asked.kind is bool else int)
    low, high = integer_bounds(asked.stored)

    def whole(value: Any) -> int:
        if type(value) is int:
            return value
        if isinstance(value, Enum):
            value = value.value
            if type(value) is bool or not isinstance(value, int):
                raise UnfitValue("Input should be a valid integer")
        return int(parsed(value))

    def write(value: Any) -> int:
        number = whole(value)
        if not low <= number <= high:
            raise UnfitValue(_out_of_range_reason(low, high, number))
        return number

    # The comparison binds 64 bits, whatever the column's own width, so a larger number is allowed.
    least, most = min(low, _LEAST), max(high, _BEYOND - 1)

    def compare(value: Any) -> int:
        number = value if type(value) is int else whole(value)
        if not least <= number <= most:
            raise TooLarge(_BITS)
        return number

    return write if asked.writing else compare


def check_integer_range(stored: TypeEngine[Any], value: Any) -> None:
    """Raise ``UnfitValue`` for an integer outside of the range of an integer column.

    Do nothing for other values and other types.
    """
    plain = plain_type(stored)
    if type(value) is not int or not isinstance(plain, sa.Integer):
        return
    low, high = _type_bounds(plain)
    if not low <= value <= high:
        raise UnfitValue(_out_of_range_reason(low, high, value))


def integer_bounds(stored: TypeEngine[Any]) -> tuple[int, int]:
    """Return the least and the greatest integer that a column can store on any database."""
    ranges = list(_variant_bounds(stored))
    return min(low for low, _ in ranges), max(high for _, high in ranges)


def _variant_bounds(stored: TypeEngine[Any]) -> Iterator[tuple[int, int]]:
    """Yield the range of the type itself, and of its variant for each database."""
    yield _type_bounds(plain_type(stored))
    if hasattr(plain_type(stored), "unsigned"):
        # A type of MySQL's own. Other dialects adapt it to a plain integer, whose range is wrong.
        return
    for dialect in DIALECTS:
        plain = plain_type(stored.dialect_impl(dialect))
        if isinstance(plain, sa.Integer):
            yield _type_bounds(plain)


def _type_bounds(plain: TypeEngine[Any]) -> tuple[int, int]:
    """Return the least and the greatest value of an integer type."""
    bits = 32
    for kind, width in (
        (mysql.TINYINT, 8),
        (mysql.MEDIUMINT, 24),
        (sa.SmallInteger, 16),
        (sa.BigInteger, 64),
    ):
        if isinstance(plain, kind):
            bits = width
    if getattr(plain, "unsigned", False):
        return 0, 2**bits - 1
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1


def _out_of_range_reason(low: int, high: int, number: int) -> str:
    """Return the reason for a number that is out of range."""
    if low == 0:
        return f"the column holds integers from 0 to {high}"
    is_huge = not _LEAST <= number < _BEYOND
    return _BITS if is_huge else f"the column holds integers of {(high + 1).bit_length()} bits"


def float_rule(asked: RuleTarget) -> Rule:
    """Return the rule of a column of floats."""
    parsed = parser_of(float)

    def finite(value: Any) -> float:
        found = value if type(value) is float else _parse_float(parsed, value)
        if not math.isfinite(found):
            raise UnfitValue(_STRANGE)
        return found

    return finite


def _parse_float(parsed: Rule, value: Any) -> float:
    """Return a value as a float. Raise ``UnfitValue`` if it is too large or would be rounded."""
    try:
        found: float = parsed(value)
    except OverflowError:
        raise UnfitValue("no float is as large") from None
    is_number = isinstance(value, int | Decimal)
    if is_number and math.isfinite(found) and Decimal(value) != Decimal(repr(found)):
        raise UnfitValue("a float would round this number")
    return found


def decimal_rule(asked: RuleTarget) -> Rule:
    """Return the rule of a column of decimals.

    A written value must have no more digits than the column, on either side of the point.
    """
    parsed = parser_of(Decimal)
    stored = asked.stored
    if isinstance(stored, ExactDecimal):
        units = (stored if asked.writing else stored.literal_type).to_units

        def exact(value: Any) -> Decimal:
            number: Decimal = value if type(value) is Decimal else parsed(value)
            if not number.is_finite():
                raise UnfitValue(_STRANGE)
            try:
                units(number)
            except InvalidValue as error:
                raise UnfitValue(error.hint or error.message) from None
            return number

        return exact
    if not asked.writing:
        return lambda value: _without_exponent(_parse_finite(parsed, value))
    plain: Any = plain_type(stored)
    after = _AFTER if plain.precision is None else plain.scale or 0
    before = _DIGITS if plain.precision is None else plain.precision - after

    def write(value: Any) -> Any:
        number = _parse_finite(parsed, value)
        if number and number.adjusted() >= before:
            raise UnfitValue(f"the column holds at most {before} digits before the point")
        if _count_decimals(number) > after:
            raise UnfitValue(
                f"the column holds at most {after} digits after the point: "
                "round the value on purpose, with Decimal.quantize"
            )
        # Numeric(asdecimal=False) reads floats, so it stores floats too.
        return number if plain.asdecimal else float(number)

    return write


def _parse_finite(parsed: Rule, value: Any) -> Decimal:
    """Return a value as a decimal. Raise ``UnfitValue`` for NaN and Infinity."""
    # Pydantic converts a float by its repr, so that 0.1 becomes Decimal("0.1").
    if isinstance(value, float) and not math.isfinite(value):
        raise UnfitValue(_STRANGE)
    number: Decimal = value if type(value) is Decimal else parsed(value)
    if not number.is_finite():
        raise UnfitValue(_STRANGE)
    return number


def _count_decimals(number: Decimal) -> int:
    """Return the number of digits after the point, without zeros at the end."""
    _, digits, exponent = number.as_tuple()
    after = -int(exponent)
    if after <= 0 or not number:
        return 0
    for digit in reversed(digits):
        if digit or after == 0:
            break
        after -= 1
    return after


def _without_exponent(number: Decimal) -> Decimal:
    """Return a decimal without an exponent, which some drivers do not take."""
    plain = Decimal(format(number, "f")) if abs(number.adjusted()) <= _DIGITS else number
    if abs(plain.adjusted()) > _DIGITS or len(plain.as_tuple().digits) > 2 * _DIGITS:
        raise UnfitValue(f"a decimal has at most {_DIGITS} digits on either side of the point")
    return plain
