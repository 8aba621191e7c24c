"""Make an engine store values exactly where SQLAlchemy's dialects would change them silently.

SQLite keeps a NUMERIC as a float, and SQLAlchemy reads ten digits of it after the point. Neither
SQLite nor MySQL stores the offset of a datetime, and both return a naive datetime for an aware one.
MySQL's columns drop microseconds, the fraction of a NUMERIC and half of a float's digits. All of it
is changed in the dialect of one engine only; other engines in the process stay as they are.
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

__all__ = ["store_exactly"]

_Processor = Callable[[Any], Any] | None


def store_exactly(dialect: Dialect) -> None:
    """Make the dialect of an engine store values exactly, or refuse them with ``InvalidValue``."""
    types = _TYPES.get(dialect.name)
    if types is not None:
        # A new dict for this engine: all dialects in the process share the one of the class.
        dialect.colspecs = {**dialect.colspecs, **types}
    if dialect.name in ("mysql", "mariadb"):
        plain = type(dialect.type_compiler_instance)
        exact = type(f"Exact{plain.__name__}", (_MySQLColumns, plain), {})
        dialect.type_compiler_instance = exact(dialect)


class _ExactFloat(sa.Numeric[Any]):
    """A NUMERIC of SQLite: stored as a float, and refused if that float is another decimal."""

    @override
    def bind_processor(self, dialect: Dialect) -> Any:
        return _to_exact_float

    @override
    def result_processor(self, dialect: Dialect, coltype: Any) -> Any:
        if self.asdecimal and self.scale is None and self.decimal_return_scale is None:
            return _to_decimal
        return super().result_processor(dialect, coltype)  # type: ignore[no-untyped-call]


def _to_exact_float(value: Any) -> float | None:
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


def _to_decimal(value: Any) -> Decimal | None:
    """Return the decimal with the digits by which Python writes the stored float."""
    return None if value is None else Decimal(repr(value) if isinstance(value, float) else value)


def _store_as_utc(bind: _Processor) -> Callable[[Any], Any]:
    """Return a processor that makes an aware datetime a naive one in UTC, before ``bind``."""

    def process(value: Any) -> Any:
        if isinstance(value, datetime) and value.utcoffset() is not None:
            try:
                value = value.astimezone(UTC).replace(tzinfo=None)
            except OverflowError:
                raise InvalidValue("in UTC this is beyond the calendar") from None
        return value if bind is None else bind(value)

    return process


def _read_as_utc(result: _Processor) -> Callable[[Any], Any]:
    """Return a processor that makes a naive datetime an aware one in UTC, after ``result``."""

    def process(value: Any) -> Any:
        found = value if result is None else result(value)
        is_naive = isinstance(found, datetime) and found.tzinfo is None
        return found.replace(tzinfo=UTC) if is_naive else found

    return process


class _StoredAsUTC:
    """A mixin of datetime types; with ``timezone`` values are stored in UTC, and read as UTC."""

    timezone: bool

    def bind_processor(self, dialect: Dialect) -> Any:
        bind: _Processor = super().bind_processor(dialect)  # type: ignore[misc] # of the type beside it
        return _store_as_utc(bind) if self.timezone else bind

    def result_processor(self, dialect: Dialect, coltype: Any) -> Any:
        result: _Processor = super().result_processor(dialect, coltype)  # type: ignore[misc] # the same
        return _read_as_utc(result) if self.timezone else result


class _SQLiteDateTime(_StoredAsUTC, sqlite.DATETIME):
    pass


class _MySQLDateTime(_StoredAsUTC, sa.DateTime):
    pass


class _MySQLTimestamp(_StoredAsUTC, sa.TIMESTAMP):
    pass


class _MySQLColumns:
    """A mixin of MySQL's type compiler: columns that keep all of a Python value."""

    def visit_datetime(self, kind: Any, **options: Any) -> str:
        return _with_microseconds(super().visit_datetime(kind, **options))  # type: ignore[misc] # of the compiler beside it

    def visit_time(self, kind: Any, **options: Any) -> str:
        return _with_microseconds(super().visit_time(kind, **options))  # type: ignore[misc] # the same

    def visit_TIMESTAMP(self, kind: Any, **options: Any) -> str:  # noqa: N802 # SQLAlchemy's name
        text: str = super().visit_TIMESTAMP(kind, **options)  # type: ignore[misc] # the same
        # ``mysql.TIMESTAMP`` has a precision of its own (``fsp``), which stays.
        return text if isinstance(kind, mysql.TIMESTAMP) else _with_microseconds(text)

    def visit_numeric(self, kind: Any, **options: Any) -> str:
        text: str = super().visit_numeric(kind, **options)  # type: ignore[misc] # the same
        # A plain NUMERIC is NUMERIC(10, 0) in MySQL, which rounds values to integers.
        return f"{text}(65, 30)" if text == "NUMERIC" else text

    def visit_float(self, kind: Any, **options: Any) -> str:
        text: str = super().visit_float(kind, **options)  # type: ignore[misc] # the same
        # FLOAT keeps seven digits of Python's sixteen, so that ``WHERE x = value`` finds no row.
        return "DOUBLE" if type(kind) is sa.Float and text == "FLOAT" else text


def _with_microseconds(text: str) -> str:
    """Return the type with the digits that MySQL drops unless asked to keep them."""
    return f"{text}(6)" if text in ("DATETIME", "TIME", "TIMESTAMP") else text


_MYSQL: Final[dict[type[Any], type[TypeEngine[Any]]]] = {
    sa.DateTime: _MySQLDateTime,
    sa.TIMESTAMP: _MySQLTimestamp,
    # MySQL's own types stay: they have no time zone, and a precision of their own.
    mysql.DATETIME: mysql.DATETIME,
    mysql.TIMESTAMP: mysql.TIMESTAMP,
}
_TYPES: Final[dict[str, dict[type[Any], type[TypeEngine[Any]]]]] = {
    "sqlite": {
        sa.Numeric: _ExactFloat,
        sa.DateTime: _SQLiteDateTime,
        sa.TIMESTAMP: _SQLiteDateTime,
        # SQLite's own type stays: users choose its storage format.
        sqlite.DATETIME: sqlite.DATETIME,
    },
    "mysql": _MYSQL,
    "mariadb": _MYSQL,
}
