"""In charge of the types that values are bound as: what a column holds, without what would cut it.

PostgreSQL casts a parameter to its type, and a cast to ``NUMERIC(10, 2)`` or ``VARCHAR(80)[]``
rounds and cuts without a word: the value would be equal to a row that it is not equal to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import Text
from sqlalchemy.sql.sqltypes import _AbstractInterval
from sqlalchemy.types import TypeDecorator, TypeEngine
from typing_extensions import override

from colonnade.filters.families import plain_type

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

__all__ = ["compared", "unbounded"]


def compared(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """The type to bind for a comparison with a column of this type."""
    if isinstance(kind, sa.Integer):
        return sa.BigInteger()  # a smaller column may be asked about a larger number
    if isinstance(kind, sa.ARRAY):
        return sa.ARRAY(unbounded(kind.item_type), dimensions=kind.dimensions)
    if isinstance(kind, _AbstractInterval):
        return kind  # a decorator too, on databases without intervals
    if isinstance(kind, TypeDecorator):
        # A type of the user's own may take more to compare with than it keeps.
        own: TypeEngine[Any] = kind.coerce_compared_value(None, None)
        return own
    # Of what stands alone SQLAlchemy casts to the bare type, but for this.
    return _bare(kind) if isinstance(kind, sa.Numeric) else kind


def unbounded(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """The same type without a length, a number of digits or a precision."""
    if isinstance(kind, _AbstractInterval):
        return sa.Interval()
    return _Unbounded(kind) if isinstance(kind, TypeDecorator) else _bare(kind)


class _Unbounded(TypeDecorator[Any]):
    """A type of the user's own, whose values are bound without the bounds of what it wraps."""

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
    if isinstance(kind, sa.String) and not isinstance(kind, sa.Enum):
        return sa.String()
    if isinstance(kind, sa.Numeric):
        return sa.Numeric()
    if isinstance(kind, sa.DateTime):
        return sa.DateTime(timezone=kind.timezone)
    if isinstance(kind, sa.Time):
        return sa.Time(timezone=kind.timezone)
    return kind
