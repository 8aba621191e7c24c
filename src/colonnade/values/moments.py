"""The rules of dates, times, datetimes and intervals.

A column either stores moments, which need a time zone, or naive values, which must not have one;
nothing is converted from one to the other by guessing.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import DateTime, Time
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.types import TypeEngine
from sqlmodel.sql.sqltypes import UTCDateTime

from colonnade.models import DateTimeUTC
from colonnade.values.families import plain_type
from colonnade.values.unfit import Rule, RuleTarget, UnfitValue, parser_of

__all__ = ["date_rule", "datetime_rule", "interval_rule", "is_zoned", "time_rule"]

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 # as SQLAlchemy counts intervals, without a zone
_MICROSECONDS: Final = 6


def is_zoned(stored: TypeEngine[Any]) -> bool:
    """Return whether a column stores aware datetimes or times, not naive ones."""
    plain = plain_type(stored)
    known = isinstance(stored, DateTimeUTC | UTCDateTime)
    return known or (isinstance(plain, DateTime | Time) and bool(plain.timezone))


def date_rule(asked: RuleTarget) -> Rule:
    """Return the rule of a column of dates."""
    parsed = parser_of(date)

    def rule(value: Any) -> date:
        if type(value) is date:
            return value
        # Pydantic takes a datetime at midnight as a date. If it is aware, its date depends on the
        # zone in which one looks at it.
        if isinstance(value, datetime) and value.tzinfo is not None:
            raise UnfitValue("a moment is another day elsewhere: hand in its date()")
        found: date = parsed(value)
        return found

    return rule


def time_rule(asked: RuleTarget) -> Rule:
    """Return the rule of a column of times of day."""
    parsed = parser_of(time)
    zoned, kept = is_zoned(asked.stored), _fraction_digits(asked)

    def rule(value: Any) -> time:
        found: time = value if type(value) is time else parsed(value)
        if found.tzinfo is not None and not zoned:
            raise UnfitValue("the column has no time zone: hand in a naive time")
        _check_fraction(found, kept)
        return found

    return rule


def datetime_rule(asked: RuleTarget) -> Rule:
    """Return the rule of a datetime column: aware values, returned in UTC, or naive ones."""
    parsed = parser_of(datetime)
    kept = _fraction_digits(asked)

    def moment(value: Any) -> datetime:
        found: datetime = value if type(value) is datetime else parsed(value)
        if found.utcoffset() is None:
            raise UnfitValue(
                "a naive datetime does not say which moment it means: give it a tzinfo"
            )
        _check_fraction(found, kept)
        try:
            return found.astimezone(UTC)
        except OverflowError:
            raise UnfitValue("in UTC this is beyond the calendar") from None

    def naive(value: Any) -> datetime:
        found: datetime = value if type(value) is datetime else parsed(value)
        if found.tzinfo is not None:
            raise UnfitValue("the column has no time zone: hand in a naive datetime")
        _check_fraction(found, kept)
        return found

    return moment if is_zoned(asked.stored) else naive


def interval_rule(asked: RuleTarget) -> Rule:
    """Return the rule of a column of intervals."""
    parsed = parser_of(timedelta)

    def rule(value: Any) -> timedelta:
        found: timedelta = value if type(value) is timedelta else parsed(value)
        # For databases without intervals SQLAlchemy stores the datetime that is so far from 1970.
        try:
            return found + _EPOCH - _EPOCH
        except OverflowError:
            raise UnfitValue("databases without intervals count one from 1970") from None

    return rule


def _fraction_digits(asked: RuleTarget) -> int:
    """Return how many digits of a second's fraction the column's type declares to keep.

    A value that is compared, not written, may have all six.
    """
    plain: Any = plain_type(asked.stored)
    if not asked.writing:
        return _MICROSECONDS
    if isinstance(plain, mysql.DATETIME | mysql.TIMESTAMP | mysql.TIME):
        return plain.fsp or 0
    if isinstance(plain, postgresql.TIMESTAMP | postgresql.TIME) and plain.precision is not None:
        return int(plain.precision)
    return _MICROSECONDS


def _check_fraction(value: datetime | time, kept: int) -> None:
    """Raise ``UnfitValue`` if the column would cut a value's fraction of a second."""
    if kept < _MICROSECONDS and value.microsecond % 10 ** (_MICROSECONDS - kept):
        raise UnfitValue(
            f"the column keeps {kept} digits of a second's fraction: "
            "cut them on purpose, with replace(microsecond=…)"
        )
