"""``ExactDecimal``: the column type of a decimal number that no database rounds.

SQLite has no decimals and would store a float. There the column is an integer that counts units of
the last digit, ``Numeric(10, 2)`` in cents. Two operands of one operator must count the same unit,
so most of this module converts operands: "rescaled" means that an operand is multiplied to count a
finer unit. On the other databases the conversions change nothing.
"""

from __future__ import annotations

from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Integer,
    Numeric,
    Select,
    literal,
    literal_column,
    type_coerce,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import operators
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType, TypeDecorator, TypeEngine
from typing_extensions import override

from colonnade.capabilities import capabilities_of
from colonnade.errors import InvalidMapping, InvalidValue, UsageError

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect
    from sqlalchemy.sql.compiler import SQLCompiler
    from sqlalchemy.sql.operators import OperatorType

__all__ = ["ExactDecimal"]

# Every number of so many digits fits into an integer of 64 bits.
_MOST_DIGITS = 18

# Wide enough never to round, whatever context the caller works in.
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)

_SUMS = frozenset({operators.add, operators.sub})

# Operators whose operands must count the same unit on SQLite.
_ALIGNED = _SUMS | {
    operators.eq,
    operators.ne,
    operators.lt,
    operators.le,
    operators.gt,
    operators.ge,
    operators.between_op,
    operators.not_between_op,
    operators.in_op,
    operators.not_in_op,
    operators.is_,
    operators.is_not,
    operators.is_distinct_from,
    operators.is_not_distinct_from,
}


class ExactComparator(TypeDecorator.Comparator[Decimal]):
    """The operators of an ``ExactDecimal``: comparisons, sums and products.

    Every other operator raises ``UsageError``, since its result would not be exact everywhere.
    """

    @override
    def operate(self, op: OperatorType, *other: Any, **kwargs: Any) -> ColumnElement[Any]:
        if not other:  # a unary operator, such as desc()
            return super().operate(op, **kwargs)
        if op is operators.mul:
            return self._multiply_by(other[0])
        if op not in _ALIGNED:
            raise _inexact_error(op.__name__)
        # The finer of both scales is used: a coarser one could not express the other operand.
        own_scale = _scale_of(self.expr)
        scale = max(own_scale, *(_scale_of(operand) for operand in other))
        if scale > own_scale:
            # This side has the coarser unit: begin again with it rescaled.
            return _rescale(self.expr, scale).operate(op, *other, **kwargs)
        aligned = [_align_operand(operand, scale) for operand in other]
        result: ColumnElement[Any] = super().operate(op, *aligned, **kwargs)
        return _with_scale(result, scale) if op in _SUMS else result

    @override
    def reverse_operate(self, op: OperatorType, other: Any, **kwargs: Any) -> ColumnElement[Any]:
        if op is operators.mul:
            return self._multiply_by(other)
        if op not in _SUMS:
            raise _inexact_error(op.__name__)
        # "5 - price": give the literal our type, whose operator then does the rest.
        left = literal(other, ExactDecimal(_MOST_DIGITS, _scale_of(self.expr)))
        return left.operate(op, self.expr, **kwargs)

    def _multiply_by(self, other: Any) -> ColumnElement[Any]:
        """Return a product: of the units as they are, its scale is the sum of both scales."""
        factor = _coerce_factor(other)
        product: ColumnElement[Any] = super().operate(operators.mul, factor)
        return _with_scale(product, _scale_of(self.expr) + _scale_of(factor))


class ExactDecimal(TypeDecorator[Decimal]):
    """A decimal of at most ``precision`` digits, ``scale`` of them after the point.

    ``NUMERIC`` where the database has one. SQLite has not, and would keep a float: there the
    column is an integer that counts units of ``10 ** -scale``, so that order, comparison, sums
    and ``+ - *`` are exact too. A value with more digits than fit, NaN, Infinity and floats raise
    ``InvalidValue``; nothing is rounded. Division raises ``UsageError``: it has no exact scale.

    On SQLite, SQL that does not know the type sees the integer. So write the decimal first
    (``price > quantity``), and give a function of another type this one:
    ``func.avg(Item.price, type_=Item.price.type)``.
    """

    impl = Numeric
    cache_ok = True
    comparator_factory = ExactComparator  # pyright: ignore[reportAssignmentType]  # a property there

    def __init__(self, precision: int, scale: int) -> None:
        if not 1 <= precision <= _MOST_DIGITS or not 0 <= scale <= precision:
            raise InvalidMapping(
                f"ExactDecimal({precision}, {scale}) cannot be kept exactly on every database",
                hint=f"precision is 1 to {_MOST_DIGITS}, scale 0 to precision",
            )
        self.precision = precision
        self.scale = scale
        super().__init__(precision, scale)

    @property
    @override
    def python_type(self) -> type[Any]:
        return Decimal

    @override
    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if not capabilities_of(dialect.name).has_exact_decimals:
            return dialect.type_descriptor(BigInteger())
        return dialect.type_descriptor(Numeric(self.precision, self.scale))

    @override
    def process_bind_param(self, value: Any, dialect: Dialect) -> Decimal | int | None:
        if value is None:
            return None
        units = self.to_units(value)
        if capabilities_of(dialect.name).has_exact_decimals:
            return _EXACT.scaleb(Decimal(units), -self.scale)
        return units

    @override
    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        if value is None:
            return None
        if capabilities_of(dialect.name).has_exact_decimals:
            return Decimal(value)
        # On SQLite avg() returns a float.
        units = Decimal(value if isinstance(value, int) else repr(value))
        return _EXACT.scaleb(units, -self.scale)

    @override
    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> TypeEngine[Any]:
        return self.literal_type

    @property
    def literal_type(self) -> ExactDecimal:
        """The type of a literal to compare with: of the same scale, but with all digits."""
        return ExactDecimal(_MOST_DIGITS, self.scale)

    def __repr__(self) -> str:
        return f"ExactDecimal({self.precision}, {self.scale})"

    def to_units(self, value: Any) -> int:
        """Return a number as a count of units of the last digit.

        Raise ``InvalidValue`` for another type, a number with too many digits, NaN and Infinity.
        """
        if isinstance(value, bool) or not isinstance(value, Decimal | int):
            raise InvalidValue(
                f"an exact decimal cannot be made of {type(value).__name__}",
                hint="hand in a Decimal or an int",
            )
        number = Decimal(value)
        if not number.is_finite():
            raise InvalidValue("NaN and Infinity are not decimals that a column can keep")
        # Before the number is written out, since the digits of 1E+999999 would fill the memory.
        if number and number.adjusted() >= self.precision - self.scale:
            raise InvalidValue(f"more digits before the point than {self!r} has room for")
        units = _EXACT.scaleb(number, self.scale)
        whole = units.to_integral_value()
        if units != whole:
            raise InvalidValue(
                f"more digits after the point than {self!r} has room for",
                hint="round the value on purpose, with Decimal.quantize",
            )
        return int(whole)


def _inexact_error(what: str) -> UsageError:
    """Return the error for an operator or an operand that has no exact result."""
    return UsageError(
        f"an ExactDecimal cannot take part in {what}: the result is not exact everywhere",
        hint="compute it in Python, or keep to comparisons, + - and *, with ExactDecimal and "
        "integer operands",
    )


def _with_scale(result: ColumnElement[Any], scale: int) -> ColumnElement[Any]:
    """Return ``result`` as an ``ExactDecimal`` of this scale. Raise ``UsageError`` if too fine."""
    if scale > _MOST_DIGITS:
        raise _inexact_error(f"a product of more than {_MOST_DIGITS} digits after the point")
    return type_coerce(result, ExactDecimal(_MOST_DIGITS, scale))


def _coerce_factor(other: Any) -> ColumnElement[Any]:
    """Return the right side of a product as an expression; a literal keeps its own scale."""
    if isinstance(other, Decimal) and other.is_finite():
        exponent = int(other.as_tuple().exponent)
        return literal(other, ExactDecimal(_MOST_DIGITS, min(max(0, -exponent), _MOST_DIGITS)))
    if isinstance(other, int) and not isinstance(other, bool):
        return literal(other, BigInteger())
    element: Any = _unwrap_attribute(other)
    if not isinstance(element, ColumnElement):
        raise _inexact_error(f"a product with {type(other).__name__}")
    return element


def _unwrap_attribute(operand: Any) -> Any:
    """Return the SQL element of a mapped attribute; anything else as it is."""
    element = getattr(operand, "__clause_element__", None)
    return operand if element is None else element()


def _scale_of(operand: Any) -> int:
    """Return the digits after the point of an operand; of a list the most.

    For a literal return 0: it gets the scale of the other operand. Raise ``UsageError`` for an
    expression of another type than ``ExactDecimal`` or integer.
    """
    if isinstance(operand, list | tuple | set | frozenset):
        return max(map(_scale_of, operand), default=0)
    element = _unwrap_attribute(operand)
    if isinstance(element, Select):
        element = element.selected_columns[0]
    if _is_literal(element):
        return 0
    kind = element.type
    if isinstance(kind, ExactDecimal):
        return kind.scale
    if isinstance(kind, Integer):
        return 0
    raise _inexact_error(f"an expression with {type(kind).__name__}")


def _is_literal(element: Any) -> bool:
    """Return whether an operand is a literal, or a parameter typed only by its Python value."""
    if isinstance(element, BindParameter):
        return isinstance(element.type, NullType | Numeric)
    return not isinstance(element, ColumnElement) or isinstance(element.type, NullType)


def _align_operand(operand: Any, scale: int) -> Any:
    """Return an operand, or each of a list, so that it counts units of this scale."""
    if isinstance(operand, list | tuple | set | frozenset):
        return [_align_operand(item, scale) for item in operand]
    element = _unwrap_attribute(operand)
    if isinstance(element, Select):
        # IN compares with what a subquery selects, which cannot be rescaled from outside.
        if _scale_of(element) != scale:
            raise _inexact_error("IN with a subquery of another scale")
        return element
    if isinstance(element, BindParameter) and _is_literal(element):
        return type_coerce(element, ExactDecimal(_MOST_DIGITS, scale))
    if _is_literal(element):
        return operand
    return element if _scale_of(element) == scale else _rescale(element, scale)


class _Rescaled(FunctionElement[Decimal]):
    """A number in finer units: multiplied where decimals are integers, unchanged elsewhere."""

    name = "rescaled"
    inherit_cache = True


def _rescale(element: ColumnElement[Any], scale: int) -> ColumnElement[Any]:
    """Return an expression as an ``ExactDecimal`` of this finer scale."""
    units: ColumnElement[int] = literal_column(str(10 ** (scale - _scale_of(element))))
    rescaled = _Rescaled(element.self_group(against=operators.mul), units)
    rescaled.type = ExactDecimal(_MOST_DIGITS, scale)
    return rescaled


@compiles(_Rescaled)
def _render_rescaled(rescaled: _Rescaled, compiler: SQLCompiler, **kwargs: Any) -> str:
    if capabilities_of(compiler.dialect.name).has_exact_decimals:
        return compiler.process(next(iter(rescaled.clauses)), **kwargs)
    return f"({' * '.join(compiler.process(clause, **kwargs) for clause in rescaled.clauses)})"
