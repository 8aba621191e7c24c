"""``DateTimeUTC``: the column type of aware datetimes in UTC, with microseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import DateTime, Interval
from sqlalchemy.dialects.mysql import DATETIME
from sqlalchemy.types import TypeDecorator, TypeEngine
from typing_extensions import override

from colonnade.capabilities import capabilities_of
from colonnade.errors import InvalidValue

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect
    from sqlalchemy.sql.operators import OperatorType

__all__ = ["DateTimeUTC"]


class DateTimeUTC(TypeDecorator[datetime]):
    """Aware datetimes, stored in UTC and returned in UTC.

    ``timestamptz`` on PostgreSQL, ``DATETIME(6)`` on MySQL and MariaDB (a plain ``DATETIME``
    drops the microseconds), ISO text that sorts by time on SQLite. A value of another zone is
    converted; a naive one raises ``InvalidValue``, since nothing says which moment it means.
    """

    impl = DateTime
    cache_ok = True

    def __init__(self) -> None:
        super().__init__(timezone=True)

    @property
    @override
    def python_type(self) -> type[Any]:
        return datetime

    @override
    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if not capabilities_of(dialect.name).keeps_microseconds:
            return dialect.type_descriptor(DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime(timezone=True))

    @override
    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if not isinstance(value, datetime):
            raise InvalidValue(f"a datetime was expected, not {type(value).__name__}")
        if value.utcoffset() is None:
            raise InvalidValue(
                "a naive datetime does not say which moment it means",
                hint="use datetime.now(UTC), or give the value a tzinfo",
            )
        moment = value.astimezone(UTC)
        # The column types of the other databases have no time zone, and refuse a value with an
        # offset. What they store is UTC all the same.
        has_zones = capabilities_of(dialect.name).has_time_zones
        return moment if has_zones else moment.replace(tzinfo=None)

    @override
    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    @override
    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> TypeEngine[Any]:
        # For "created_at + timedelta(days=1)": a timedelta is no datetime to be bound as one.
        return Interval() if isinstance(value, timedelta) else self

    def __repr__(self) -> str:
        return "DateTimeUTC()"
