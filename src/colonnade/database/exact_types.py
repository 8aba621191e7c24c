"""In charge of types that SQLAlchemy's dialects would change a value of without a word.

SQLite keeps a NUMERIC as a float, and reads ten digits after its point; neither it nor MySQL keeps
the offset of a moment, and both answer with a naive datetime that was an aware one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Dialect
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.types import TypeEngine
from typing_extensions import override

from colonnade.errors import InvalidValue

__all__ = ["keep_values"]

_Processor = Callable[[Any], Any] | None


def keep_values(dialect: Dialect) -> None:
    """Let an engine's dialect store what it is given, or refuse it with ``InvalidValue``."""
    own = _TYPES.get(dialect.name)
    if own is not None:
        # The one table of an engine's own: that of the class is everybody's.
        dialect.colspecs = {**dialect.colspecs, **own}


class _Decimal(sa.Numeric[Any]):
    """A decimal in the float that SQLite makes of it, if it is just that decimal."""

    @override
    def bind_processor(self, dialect: Dialect) -> Any:
        return _as_float

    @override
    def result_processor(self, dialect: Dialect, coltype: Any) -> Any:
        if self.asdecimal and self.scale is None and self.decimal_return_scale is None:
            return _as_decimal
        return super().result_processor(dialect, coltype)  # type: ignore[no-untyped-call]


def _as_float(value: Any) -> float | None:
    """Return the float that SQLite stores; raise ``InvalidValue`` if it is another number."""
    if value is None:
        return None
    number = float(value)
    if isinstance(value, Decimal | int) and Decimal(repr(number)) != value:
        raise InvalidValue(
            "SQLite keeps a decimal as a float, which would round this one",
            hint="declare the column with ExactDecimal, which is exact everywhere",
        )
    return number


def _as_decimal(value: Any) -> Decimal | None:
    """Return the decimal with the digits by which Python writes the stored float."""
    return None if value is None else Decimal(repr(value) if isinstance(value, float) else value)


def _moment_to(bind: _Processor) -> Callable[[Any], Any]:
    """Return a processor that makes an aware datetime a naive one in UTC, before ``bind``."""

    def process(value: Any) -> Any:
        if isinstance(value, datetime) and value.utcoffset() is not None:
            try:
                value = value.astimezone(UTC).replace(tzinfo=None)
            except OverflowError:
                raise InvalidValue("in UTC this is beyond the calendar") from None
        return value if bind is None else bind(value)

    return process


def _moment_from(result: _Processor) -> Callable[[Any], Any]:
    """Return a processor that makes a naive datetime an aware one in UTC, after ``result``."""

    def process(value: Any) -> Any:
        found = value if result is None else result(value)
        is_naive = isinstance(found, datetime) and found.tzinfo is None
        return found.replace(tzinfo=UTC) if is_naive else found

    return process


class _Moment:
    """Mixin of datetime types: with ``timezone``, values are stored in UTC and read back as UTC."""

    timezone: bool

    def bind_processor(self, dialect: Dialect) -> Any:
        bind: _Processor = super().bind_processor(dialect)  # type: ignore[misc] # of the type beside it
        return _moment_to(bind) if self.timezone else bind

    def result_processor(self, dialect: Dialect, coltype: Any) -> Any:
        result: _Processor = super().result_processor(dialect, coltype)  # type: ignore[misc] # the same
        return _moment_from(result) if self.timezone else result


class _SQLiteMoment(_Moment, sqlite.DATETIME):
    pass


class _MySQLMoment(_Moment, sa.DateTime):
    pass


class _MySQLTimestamp(_Moment, sa.TIMESTAMP):
    pass


_MYSQL: Final[dict[type[Any], type[TypeEngine[Any]]]] = {
    sa.DateTime: _MySQLMoment,
    sa.TIMESTAMP: _MySQLTimestamp,
    # MySQL's own types stay: they have no time zone, and a precision of their own.
    mysql.DATETIME: mysql.DATETIME,
    mysql.TIMESTAMP: mysql.TIMESTAMP,
}
_TYPES: Final[dict[str, dict[type[Any], type[TypeEngine[Any]]]]] = {
    "sqlite": {
        sa.Numeric: _Decimal,
        sa.DateTime: _SQLiteMoment,
        sa.TIMESTAMP: _SQLiteMoment,
        # SQLite's own type stays: users choose its storage format.
        sqlite.DATETIME: sqlite.DATETIME,
    },
    "mysql": _MYSQL,
    "mariadb": _MYSQL,
}
