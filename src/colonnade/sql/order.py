"""The SQL of ORDER BY: where NULLs are placed, what is compared, what is read of a sort key.

NULL is the greatest value on PostgreSQL and the least on the other databases, unless the order says
otherwise. SQLite and PostgreSQL have NULLS FIRST and LAST; MySQL has to sort by ``IS NULL`` first,
which no index serves.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import Float, Numeric, UnaryExpression
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import operators
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine
from typing_extensions import override

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

__all__ = ["build_exact", "build_order_term", "build_sortable"]


def build_order_term(
    column: Any, *, descending: bool, nulls_first: bool | None = None
) -> UnaryExpression[Any]:
    """Return a term of ORDER BY.

    ``nulls_first`` is None if no value is NULL, or if all are, so that NULLs need no place.
    """
    term: UnaryExpression[Any] = column.desc() if descending else column.asc()
    if nulls_first is None:
        return term
    placed = operators.nulls_first_op if nulls_first else operators.nulls_last_op
    return _NullsPlaced(term, modifier=placed)


def build_sortable(column: Any) -> Any:
    """Return the SQL of a column in an order, and in comparisons that must agree with it."""
    kind = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
    return _SortableEnum(column) if isinstance(kind, sa.Enum) and kind.native_enum else column


def build_exact(column: Any) -> Any:
    """Return the SQL of a column's value as the database compares it, where reading rounds it."""
    kind = column.type
    if isinstance(kind, Float):
        return _FullFloat(column)
    if isinstance(kind, Numeric):
        return sa.type_coerce(column, _UnroundedNumeric(kind))
    return column


class _NullsPlaced(UnaryExpression[Any]):
    """A sorted column with its NULLs first or last."""

    inherit_cache = True

    @property
    def descending(self) -> bool:
        return getattr(self.element, "modifier", None) is operators.desc_op

    @property
    def first(self) -> bool:
        return self.modifier is operators.nulls_first_op


@compiles(_NullsPlaced)
def _render_nulls(term: _NullsPlaced, compiler: Any, **options: Any) -> str:
    text: str = compiler.process(term.element, **options)
    return text if term.first is term.descending else f"{text} NULLS {_nulls_word(term)}"


@compiles(_NullsPlaced, "sqlite")
def _render_nulls_on_sqlite(term: _NullsPlaced, compiler: Any, **options: Any) -> str:
    text: str = compiler.process(term.element, **options)
    return text if term.first is not term.descending else f"{text} NULLS {_nulls_word(term)}"


@compiles(_NullsPlaced, "mysql", "mariadb")
def _render_nulls_on_mysql(term: _NullsPlaced, compiler: Any, **options: Any) -> str:
    text: str = compiler.process(term.element, **options)
    if term.first is not term.descending:
        return text
    column: Any = term.element
    # What binds less than IS, such as an AND, keeps parentheses of its own.
    plain = compiler.process(column.element.self_group(against=operators.is_), **options)
    return f"{plain} IS NULL{' DESC' if term.first else ''}, {text}"


def _nulls_word(term: _NullsPlaced) -> str:
    return "FIRST" if term.first else "LAST"


class _SortableEnum(FunctionElement[Any]):
    """A native enum in an order: MySQL sorts it by position, but compares it as text."""

    inherit_cache = True

    def __init__(self, column: Any) -> None:
        super().__init__(column)
        self.type = column.type


@compiles(_SortableEnum)
def _render_itself(element: _SortableEnum, compiler: Any, **options: Any) -> str:
    text: str = compiler.process(next(iter(element.clauses)), **options)
    return text


@compiles(_SortableEnum, "mysql", "mariadb")
def _render_enum_name(element: _SortableEnum, compiler: Any, **options: Any) -> str:
    return f"CAST({_render_itself(element, compiler, **options)} AS CHAR)"


class _FullFloat(_SortableEnum):
    """A float in full: of one of 32 bits MySQL shows six digits, but compares all of it."""

    inherit_cache = True

    def __init__(self, column: Any) -> None:
        super().__init__(column)
        self.type = Float(53)


@compiles(_FullFloat, "mysql", "mariadb")
def _render_full_float(element: _FullFloat, compiler: Any, **options: Any) -> str:
    return f"({_render_itself(element, compiler, **options)} + 0e0)"


class _UnroundedNumeric(TypeDecorator[Decimal]):
    """A NUMERIC unrounded: SQLite stores a float, which SQLAlchemy rounds when it reads it."""

    impl = Numeric
    cache_ok = True

    def __init__(self, kind: Numeric[Any]) -> None:
        super().__init__(kind.precision, kind.scale)

    @override
    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return Float(53) if dialect.name == "sqlite" else super().load_dialect_impl(dialect)

    @override
    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        if value is None or isinstance(value, Decimal):
            return value
        return Decimal(repr(value))
