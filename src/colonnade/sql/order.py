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

__all__ = ["exact", "sortable", "sorted_by"]


def sorted_by(
    column: Any, *, descending: bool, nulls_first: bool | None = None
) -> UnaryExpression[Any]:
    """Return a term of ORDER BY.

    ``nulls_first`` is None if no value is NULL, or if all are, so that NULLs need no place.
    """
    term: UnaryExpression[Any] = column.desc() if descending else column.asc()
    if nulls_first is None:
        return term
    placed = operators.nulls_first_op if nulls_first else operators.nulls_last_op
    return _Placed(term, modifier=placed)


def sortable(column: Any) -> Any:
    """Return the SQL of a column in an order, and in comparisons that must agree with it."""
    kind = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
    return _Label(column) if isinstance(kind, sa.Enum) and kind.native_enum else column


def exact(column: Any) -> Any:
    """Return the SQL of a column's value as the database compares it, where reading rounds it."""
    kind = column.type
    if isinstance(kind, Float):
        return _Double(column)
    if isinstance(kind, Numeric):
        return sa.type_coerce(column, _Unrounded(kind))
    return column


class _Placed(UnaryExpression[Any]):
    """A sorted column with its NULLs first or last."""

    inherit_cache = True

    @property
    def descending(self) -> bool:
        return getattr(self.element, "modifier", None) is operators.desc_op

    @property
    def first(self) -> bool:
        return self.modifier is operators.nulls_first_op


@compiles(_Placed)
def _nulls_greatest(term: _Placed, compiler: Any, **options: Any) -> str:
    text: str = compiler.process(term.element, **options)
    return text if term.first is term.descending else f"{text} NULLS {_word(term)}"


@compiles(_Placed, "sqlite")
def _nulls_least(term: _Placed, compiler: Any, **options: Any) -> str:
    text: str = compiler.process(term.element, **options)
    return text if term.first is not term.descending else f"{text} NULLS {_word(term)}"


@compiles(_Placed, "mysql", "mariadb")
def _nulls_apart(term: _Placed, compiler: Any, **options: Any) -> str:
    text: str = compiler.process(term.element, **options)
    if term.first is not term.descending:
        return text
    column: Any = term.element
    # What binds less than IS, such as an AND, keeps parentheses of its own.
    plain = compiler.process(column.element.self_group(against=operators.is_), **options)
    return f"{plain} IS NULL{' DESC' if term.first else ''}, {text}"


def _word(term: _Placed) -> str:
    return "FIRST" if term.first else "LAST"


class _Label(FunctionElement[Any]):
    """A native enum in an order: MySQL sorts it by position, but compares it as text."""

    inherit_cache = True

    def __init__(self, column: Any) -> None:
        super().__init__(column)
        self.type = column.type


@compiles(_Label)
def _by_itself(element: _Label, compiler: Any, **options: Any) -> str:
    text: str = compiler.process(next(iter(element.clauses)), **options)
    return text


@compiles(_Label, "mysql", "mariadb")
def _by_name(element: _Label, compiler: Any, **options: Any) -> str:
    return f"CAST({_by_itself(element, compiler, **options)} AS CHAR)"


class _Double(_Label):
    """A float in full: of one of 32 bits MySQL shows six digits, but compares all of it."""

    inherit_cache = True

    def __init__(self, column: Any) -> None:
        super().__init__(column)
        self.type = Float(53)


@compiles(_Double, "mysql", "mariadb")
def _widened(element: _Double, compiler: Any, **options: Any) -> str:
    return f"({_by_itself(element, compiler, **options)} + 0e0)"


class _Unrounded(TypeDecorator[Decimal]):
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
