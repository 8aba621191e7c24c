"""Compare a column with a value: the base class of operators' SQL, and the types to bind as.

``Predicate`` is a condition that is rendered as it is. For databases without a boolean type
SQLAlchemy renders a boolean function as ``f(x) = 1``, and no index then serves what the function
compiles to. ``comparison_type`` is the type to bind for a comparison with a column, which may be
with more than the column can store. ``with_portable_order`` compares UUIDs in the same order on
every database.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import Boolean, ColumnElement, Text, and_
from sqlalchemy.dialects.postgresql import CITEXT
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import UnaryExpression
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine
from typing_extensions import override

from colonnade._compat.sqlalchemy_types import INTERVAL
from colonnade.values import family_of, plain_type

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

__all__ = [
    "Predicate",
    "RowComparison",
    "build_between",
    "comparison_type",
    "unbounded_type",
    "with_portable_order",
]


class Predicate(FunctionElement[bool]):
    """A condition whose SQL has its own parentheses."""

    type = Boolean()
    inherit_cache = True

    # This is where SQLAlchemy would add "= 1" in a WHERE, an AND or an OR …
    @override
    def self_group(self, against: Any = None) -> Any:
        return self

    # … and this is where it would write "= 0" in place of NOT.
    @override
    def _negate(self) -> ColumnElement[bool]:
        return UnaryExpression(self, operator=operators.inv, type_=self.type)


def comparison_type(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """Return the type to bind for a comparison with a column of type ``kind``."""
    if isinstance(kind, sa.Integer):
        # A SMALLINT column may be compared with a number that no SMALLINT can hold.
        return sa.BigInteger()
    if isinstance(kind, sa.ARRAY):
        return sa.ARRAY(unbounded_type(kind.item_type), dimensions=kind.dimensions)
    if isinstance(kind, INTERVAL):
        # Before the test for TypeDecorator: SQLAlchemy's Interval is one, and would answer with
        # DateTime.
        return kind
    if isinstance(kind, TypeDecorator):
        # A user's own type may compare with more than it stores: ask it for the type to use.
        to_compare: TypeEngine[Any] = kind.coerce_compared_value(None, None)
        return to_compare
    # For a single value SQLAlchemy casts without length or precision, except for Numeric.
    return _bare_type(kind) if isinstance(kind, sa.Numeric) else kind


def unbounded_type(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """Return ``kind`` without a length, a number of digits or a precision."""
    if isinstance(kind, INTERVAL):
        return sa.Interval()
    return _UnboundedType(kind) if isinstance(kind, TypeDecorator) else _bare_type(kind)


def with_portable_order(
    compare: Callable[[Any, Any], ColumnElement[bool]],
) -> Callable[[Any, Any], ColumnElement[bool]]:
    """Return ``compare`` so that it compares UUIDs in the same order on every database.

    Columns of other types are compared as before.
    """

    def build(column: Any, value: Any) -> ColumnElement[bool]:
        if family_of(column.type) != "uuid":
            return compare(column, value)
        return compare(_SortableUUID(column), _SortableUUID(value))

    return build


def build_between(column: Any, pair: tuple[Any, Any]) -> ColumnElement[bool]:
    """Build the condition that a column lies between a pair of values, both included."""
    low, high = pair
    at_least, at_most = (
        with_portable_order(lambda c, v: c >= v),
        with_portable_order(lambda c, v: c <= v),
    )
    return and_(at_least(column, low), at_most(column, high))


class _UnboundedType(TypeDecorator[Any]):
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
        return dialect.type_descriptor(_bare_type(plain_type(self.own.dialect_impl(dialect))))

    @override
    def bind_processor(self, dialect: Dialect) -> Any:
        return self.own.dialect_impl(dialect).bind_processor(dialect)


def _bare_type(kind: TypeEngine[Any]) -> TypeEngine[Any]:
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


class _SortableUUID(FunctionElement[Any]):
    """A UUID in the form that is compared: its digits on MySQL and MariaDB, itself elsewhere."""

    inherit_cache = True

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.type = value.type


@compiles(_SortableUUID)
def _render_uuid(element: _SortableUUID, compiler: Any, **options: Any) -> str:
    """Render the UUID unchanged."""
    text: str = compiler.process(element.clauses, **options)
    return text


@compiles(_SortableUUID, "mysql", "mariadb")
def _render_uuid_digits(element: _SortableUUID, compiler: Any, **options: Any) -> str:
    """Render the UUID as its hexadecimal digits, whether it is a native UUID or a CHAR(32)."""
    return f"replace(CAST({compiler.process(element.clauses, **options)} AS CHAR), '-', '')"


class RowComparison(Predicate):
    """``(a, b) > (x, y)``; spelled out for MySQL, which would look at every row for it."""

    inherit_cache = True

    def __init__(self, together: ColumnElement[bool], spelled: ColumnElement[bool]) -> None:
        super().__init__(together, spelled)


@compiles(RowComparison)
def _compare_rows(element: RowComparison, compiler: Any, **options: Any) -> str:
    return f"({compiler.process(next(iter(element.clauses)), **options)})"


@compiles(RowComparison, "mysql", "mariadb")
def _compare_columns(element: RowComparison, compiler: Any, **options: Any) -> str:
    _, spelled = element.clauses
    return f"({compiler.process(spelled, **options)})"
