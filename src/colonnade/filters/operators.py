"""THE operator table: every operator a lookup may end with, what it takes and what it compiles to.

Parsing, checking, hints and documentation read this table and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

from sqlalchemy import Boolean, ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

__all__ = ["OPERATORS", "Operator"]

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
    return f"(locate({part}, {text} COLLATE utf8mb4_bin) > 0)"


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
    return f"(locate(lower({part}), lower({text}) COLLATE utf8mb4_bin) > 0)"


def _isnull(column: Any, flag: bool) -> ColumnElement[bool]:
    result: ColumnElement[bool] = column.is_(None) if flag else column.is_not(None)
    return result


_TABLE: Final = (
    Operator("eq", "equal; None asks for NULL", "one", lambda c, v: c == v),
    Operator("ne", "not equal; None asks for a value", "one", lambda c, v: c != v),
    Operator("gt", "greater", "one", lambda c, v: c > v),
    Operator("gte", "greater or equal", "one", lambda c, v: c >= v),
    Operator("lt", "less", "one", lambda c, v: c < v),
    Operator("lte", "less or equal", "one", lambda c, v: c <= v),
    Operator("in", "one of these", "many", lambda c, v: c.in_(v)),
    Operator("not_in", "none of these", "many", lambda c, v: c.not_in(v)),
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
