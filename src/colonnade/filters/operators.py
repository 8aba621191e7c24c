"""THE operator table: every operator a lookup may end with, what it takes and what it compiles to.

Parsing, checking, hints and documentation read this table and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, Literal

import sqlalchemy as sa
from sqlalchemy import Boolean, ColumnElement, String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

__all__ = ["OPERATORS", "Operator", "is_text"]

Operand = Literal["one", "many", "flag"]


@dataclass(frozen=True, slots=True)
class Operator:
    """``operand``: a value of the column's type, a collection of them, or a bool.

    ``build`` makes the SQL of a column and a bind parameter; for a flag, of a column and the bool,
    which is a part of the statement's shape. ``text`` operators are for text columns only.
    """

    name: str
    summary: str
    operand: Operand
    build: Callable[[Any, Any], ColumnElement[bool]]
    text: bool = False


class _Contains(FunctionElement[bool]):
    """Whether a text holds another, letter by letter: ``contains(text, part)``."""

    type = Boolean()
    inherit_cache = True


class _ContainsFolded(_Contains):
    """The same without regard to case."""

    inherit_cache = True


@compiles(_Contains)
def _by_position(element: _Contains, compiler: Any, **options: Any) -> str:
    text, part = (compiler.process(clause, **options) for clause in element.clauses)
    return f"(position({part} IN {text}) > 0)"


@compiles(_Contains, "sqlite")
def _by_instr(element: _Contains, compiler: Any, **options: Any) -> str:
    text, part = (compiler.process(clause, **options) for clause in element.clauses)
    return f"(instr({text}, {part}) > 0)"


@compiles(_Contains, "mysql", "mariadb")
def _by_locate(element: _Contains, compiler: Any, **options: Any) -> str:
    text, part = (compiler.process(clause, **options) for clause in element.clauses)
    # The column's own collation takes a for A, and the binary one does not.
    return f"(locate({part}, {_unicode(text)} COLLATE utf8mb4_bin) > 0)"


@compiles(_ContainsFolded)
def _by_folding(element: _ContainsFolded, compiler: Any, **options: Any) -> str:
    text, part = (compiler.process(clause, **options) for clause in element.clauses)
    return f"(position(lower({part}) IN lower({text})) > 0)"


@compiles(_ContainsFolded, "sqlite")
def _by_folded_instr(element: _ContainsFolded, compiler: Any, **options: Any) -> str:
    text, part = (compiler.process(clause, **options) for clause in element.clauses)
    return f"(instr(lower({text}), lower({part})) > 0)"


@compiles(_ContainsFolded, "mysql", "mariadb")
def _by_folded_locate(element: _ContainsFolded, compiler: Any, **options: Any) -> str:
    text, part = (compiler.process(clause, **options) for clause in element.clauses)
    return f"(locate(lower({part}), {_unicode(f'lower({text})')} COLLATE utf8mb4_bin) > 0)"


class _Exactly(FunctionElement[bool]):
    """A comparison of texts as the column's collation sees them, and one of their bytes.

    MySQL's usual collations take ``a`` for ``A`` and for ``"a "``. The first comparison may use an
    index, the second is exact. Elsewhere the first is exact already.
    """

    type = Boolean()
    inherit_cache = True

    def __init__(self, compare: Callable[[Any, Any], Any], column: Any, value: Any) -> None:
        super().__init__(compare(column, value), compare(_Bytes(column), value))


class _ExactlyNot(_Exactly):
    """The opposite of such a comparison."""

    inherit_cache = True


class _Bytes(FunctionElement[str]):
    """A text's bytes, where its collation would hide them."""

    type = String()
    inherit_cache = True


@compiles(_Bytes, "mysql", "mariadb")
def _by_bytes(element: _Bytes, compiler: Any, **options: Any) -> str:
    return f"CAST({_unicode(compiler.process(element.clauses, **options))} AS BINARY)"


@compiles(_Exactly)
def _by_itself(element: _Exactly, compiler: Any, **options: Any) -> str:
    text: str = compiler.process(next(iter(element.clauses)), **options)
    return text


@compiles(_Exactly, "mysql", "mariadb")
def _by_both(element: _Exactly, compiler: Any, **options: Any) -> str:
    both = [compiler.process(clause, **options) for clause in element.clauses]
    return f"({' OR '.join(both) if isinstance(element, _ExactlyNot) else ' AND '.join(both)})"


def _unicode(text: str) -> str:
    # A column in another character set knows no collation of utf8mb4.
    return f"CONVERT({text} USING utf8mb4)"


def _exact(
    compare: Callable[[Any, Any], ColumnElement[bool]], kind: type[_Exactly] = _Exactly
) -> Callable[[Any, Any], ColumnElement[bool]]:
    """``compare``, exact for text on every database."""
    return lambda c, v: kind(compare, c, v) if is_text(c.type) else compare(c, v)


def is_text(kind: TypeEngine[Any]) -> bool:
    """Whether a column of this type holds text of any kind; an enum is none."""
    plain = kind.impl_instance if isinstance(kind, TypeDecorator) else kind
    if not isinstance(plain, String) or isinstance(plain, sa.Enum):
        return False
    return not issubclass(kind.python_type, Enum)


def _isnull(column: Any, flag: bool) -> ColumnElement[bool]:
    result: ColumnElement[bool] = column.is_(None) if flag else column.is_not(None)
    return result


_TABLE: Final = (
    Operator("eq", "equal; None asks for NULL", "one", _exact(lambda c, v: c == v)),
    Operator(
        "ne", "not equal; None asks for a value", "one", _exact(lambda c, v: c != v, _ExactlyNot)
    ),
    Operator("gt", "greater", "one", lambda c, v: c > v),
    Operator("gte", "greater or equal", "one", lambda c, v: c >= v),
    Operator("lt", "less", "one", lambda c, v: c < v),
    Operator("lte", "less or equal", "one", lambda c, v: c <= v),
    Operator("in", "one of these", "many", _exact(lambda c, v: c.in_(v))),
    Operator("not_in", "none of these", "many", _exact(lambda c, v: c.not_in(v), _ExactlyNot)),
    Operator("isnull", "NULL, or not", "flag", _isnull),
    Operator("contains", "holds this text", "one", lambda c, v: _Contains(c, v), text=True),
    Operator(
        "icontains",
        "holds this text in any case",
        "one",
        lambda c, v: _ContainsFolded(c, v),
        text=True,
    ),
)

OPERATORS: Final[Mapping[str, Operator]] = MappingProxyType({item.name: item for item in _TABLE})
