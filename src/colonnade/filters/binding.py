"""Choose the SQL type to bind a value as when it is compared with a column.

It is the column's type without its length, precision or scale. SQLAlchemy casts a parameter to its
type on PostgreSQL, and a cast to ``NUMERIC(10, 2)`` or ``VARCHAR(80)[]`` silently rounds and cuts:
``price=1.999`` would find the rows whose price is 2.00.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import Text
from sqlalchemy.dialects.postgresql import CITEXT
from sqlalchemy.types import TypeDecorator, TypeEngine
from typing_extensions import override

from colonnade._compat.sqlalchemy_types import INTERVAL
from colonnade.filters.families import plain_type

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

__all__ = ["compared", "unbounded"]


def compared(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """Return the type to bind for a comparison with a column of type ``kind``."""
    if isinstance(kind, sa.Integer):
        # A SMALLINT column may be compared with a number that no SMALLINT can hold.
        return sa.BigInteger()
    if isinstance(kind, sa.ARRAY):
        return sa.ARRAY(unbounded(kind.item_type), dimensions=kind.dimensions)
    if isinstance(kind, INTERVAL):
        # Before the test for TypeDecorator: SQLAlchemy's Interval is one, and would answer with
        # DateTime.
        return kind
    if isinstance(kind, TypeDecorator):
        # A user's own type may compare with more than it stores: ask it for the type to use.
        to_compare: TypeEngine[Any] = kind.coerce_compared_value(None, None)
        return to_compare
    # For a single value SQLAlchemy casts without length or precision, except for Numeric.
    return _bare(kind) if isinstance(kind, sa.Numeric) else kind


def unbounded(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """Return ``kind`` without a length, a number of digits or a precision."""
    if isinstance(kind, INTERVAL):
        return sa.Interval()
    return _Unbounded(kind) if isinstance(kind, TypeDecorator) else _bare(kind)


class _Unbounded(TypeDecorator[Any]):
    """A user's own ``TypeDecorator``, bound as the type that it wraps but without its bounds.

    Values are converted by the user's type; only the type in the cast is another one.
    """

    impl = Text
    cache_ok = True

    def __init__(self, own: TypeEngine[Any]) -> None:
        super().__init__()
        self.own = own

    @override
    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(_bare(plain_type(self.own.dialect_impl(dialect))))

    @override
    def bind_processor(self, dialect: Dialect) -> Any:
        return self.own.dialect_impl(dialect).bind_processor(dialect)


def _bare(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """Return a new type of the same sort without arguments; other types as they are."""
    if isinstance(kind, CITEXT):
        return kind  # as any other text it would be compared letter by letter
    if isinstance(kind, sa.String) and not isinstance(kind, sa.Enum):
        return sa.String()
    if isinstance(kind, sa.Numeric):
        return sa.Numeric()
    if isinstance(kind, sa.DateTime):
        return sa.DateTime(timezone=kind.timezone)
    if isinstance(kind, sa.Time):
        return sa.Time(timezone=kind.timezone)
    return kind
