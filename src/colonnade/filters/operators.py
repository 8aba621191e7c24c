"""THE operator table: every operator a lookup may end with, what it takes and what it compiles to.

Parsing, checking, hints and the reference page read this table and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, String, bindparam, false, true
from sqlalchemy.types import TypeEngine

from colonnade.filters import arrays, documents, fulltext, text
from colonnade.filters.binding import compared
from colonnade.filters.comparison import between, ordered
from colonnade.filters.families import (
    ANY,
    ARRAYS,
    BOOLEANS,
    EQUAL,
    JSON,
    LISTED,
    ORDERED,
    TEXTS,
    Fit,
    family_of,
)
from colonnade.filters.membership import among, not_among
from colonnade.filters.words import Search

__all__ = ["DATABASES", "OPERATORS", "Operand", "Operator"]

#: What an operator is asked with: ``one`` value of the column's type, ``many`` of them, a ``pair``
#: of them; ``items`` of an array; whatever the column's type is, a ``text``, a ``pattern`` or a
#: ``search``; a ``flag`` (True or False) or a ``state`` (None too), which shape the statement.
Operand = Literal["one", "many", "pair", "items", "text", "pattern", "search", "flag", "state"]

DATABASES: Final = frozenset({"postgresql", "sqlite", "mariadb"})


@dataclass(frozen=True, slots=True)
class Operator:
    """One line of the table.

    ``build`` makes the SQL of a column and of what ``bound`` answers; for a flag or a state, of a
    column and the bool. ``databases`` are those that have it: elsewhere compiling raises
    ``UnknownOperator``. ``rank`` makes, of the same two, a number to sort by: descending, the rows
    that answer best come first.
    """

    name: str
    summary: str
    operand: Operand
    fit: Fit
    build: Callable[[Any, Any], ColumnElement[bool]]
    kind: Callable[[TypeEngine[Any]], TypeEngine[Any]] = compared
    databases: frozenset[str] = DATABASES
    rank: Callable[[Any, Any], ColumnElement[float]] | None = None

    def fits(self, kind: TypeEngine[Any]) -> bool:
        """Whether it may be asked of a column of this type."""
        return family_of(kind) in self.fit.families

    def bound(self, name: str, kind: TypeEngine[Any]) -> Any:
        """The parameter ``name`` for a column of this type; for a pair, two that it begins."""
        if self.operand == "pair":
            ends = (bindparam(f"{name}_{end}", type_=self.kind(kind)) for end in ("low", "high"))
            return tuple(ends)
        return bindparam(name, type_=self.kind(kind), expanding=self.operand == "many")

    def annotation(self, kind: Any) -> Any:
        """The Python type of the operand, for a column whose values are of type ``kind``."""
        match self.operand:
            case "one":
                return kind
            case "many":
                return list[kind]
            case "items":
                return kind if str(kind).startswith("list[") else list[Any]
            case "pair":
                return tuple[kind, kind]
            case "flag":
                return bool
            case "state":
                return bool | None
            case "text" | "pattern" | "search":
                return str

    def json_schema(self, kind: Any) -> dict[str, Any]:
        """The same as OpenAPI writes it."""
        return TypeAdapter(self.annotation(kind)).json_schema()


def _string(_kind: TypeEngine[Any]) -> TypeEngine[Any]:
    return String()


def _pattern(_kind: TypeEngine[Any]) -> TypeEngine[Any]:
    return text.Pattern()


def _search(_kind: TypeEngine[Any]) -> TypeEngine[Any]:
    return Search()


def _piece(before: str = "", after: str = "") -> Callable[[TypeEngine[Any]], TypeEngine[Any]]:
    return lambda _kind: text.Piece(before, after)


def _exact(
    compare: Callable[[Any, Any], ColumnElement[bool]], kind: type[text.Exactly] = text.Exactly
) -> Callable[[Any, Any], ColumnElement[bool]]:
    """``compare``, exact for text on every database."""
    return lambda c, v: kind(compare, c, v) if family_of(c.type) == "text" else compare(c, v)


def _constant(flag: bool) -> ColumnElement[bool]:
    return true() if flag else false()


_TABLE: Final = (
    Operator("eq", "equal; None asks for NULL", "one", EQUAL, _exact(lambda c, v: c == v)),
    Operator(
        "ne",
        "not equal; None asks for a value",
        "one",
        EQUAL,
        _exact(lambda c, v: c != v, text.ExactlyNot),
    ),
    Operator("gt", "greater", "one", ORDERED, ordered(lambda c, v: c > v)),
    Operator("gte", "greater or equal", "one", ORDERED, ordered(lambda c, v: c >= v)),
    Operator("lt", "less", "one", ORDERED, ordered(lambda c, v: c < v)),
    Operator("lte", "less or equal", "one", ORDERED, ordered(lambda c, v: c <= v)),
    Operator("between", "from the first to the second, both included", "pair", ORDERED, between),
    Operator("in", "one of these; none of an empty list", "many", LISTED, among),
    Operator("not_in", "none of these; any row for an empty list", "many", LISTED, not_among),
    Operator(
        "is",
        "True, False, or NULL for None",
        "state",
        BOOLEANS,
        lambda c, flag: c.is_(_constant(flag)),
    ),
    Operator(
        "is_not",
        "anything but that, NULL included",
        "state",
        BOOLEANS,
        lambda c, flag: c.is_not(_constant(flag)),
    ),
    Operator("isnull", "NULL, or not", "flag", ANY, documents.is_null),
    Operator("like", "like this pattern, in the same case", "pattern", TEXTS, text.like, _pattern),
    Operator(
        "notlike",
        "not like this pattern",
        "pattern",
        TEXTS,
        lambda c, v: ~text.like(c, v),
        _pattern,
    ),
    Operator("ilike", "like this pattern in any case", "pattern", TEXTS, text.ilike, _pattern),
    Operator(
        "notilike",
        "not like this pattern in any case",
        "pattern",
        TEXTS,
        lambda c, v: ~text.ilike(c, v),
        _pattern,
    ),
    Operator("contains", "holds this text", "text", TEXTS, text.contains, _piece("%", "%")),
    Operator(
        "icontains",
        "holds this text in any case",
        "text",
        TEXTS,
        text.icontains,
        _piece("%", "%"),
    ),
    Operator("startswith", "begins with this text", "text", TEXTS, text.like, _piece(after="%")),
    Operator(
        "istartswith",
        "begins with this text in any case",
        "text",
        TEXTS,
        text.ilike,
        _piece(after="%"),
    ),
    Operator("endswith", "ends with this text", "text", TEXTS, text.like, _piece(before="%")),
    Operator(
        "iendswith",
        "ends with this text in any case",
        "text",
        TEXTS,
        text.ilike,
        _piece(before="%"),
    ),
    Operator("iexact", "equal in any case", "text", TEXTS, text.equals_folded, _string),
    Operator(
        "match",
        'holds these words, "phrases", not -these, or those; in the database\'s own full text',
        "search",
        TEXTS,
        fulltext.matches,
        _search,
        rank=fulltext.rank,
    ),
    Operator(
        "has_key", "an object with this key at its top", "text", JSON, documents.has_key, _string
    ),
    Operator(
        "overlap",
        "holds one of these items",
        "items",
        ARRAYS,
        arrays.overlap,
        databases=frozenset({"postgresql"}),
    ),
    Operator(
        "includes",
        "holds all of these items",
        "items",
        ARRAYS,
        arrays.includes,
        databases=frozenset({"postgresql"}),
    ),
)

OPERATORS: Final[Mapping[str, Operator]] = MappingProxyType({item.name: item for item in _TABLE})
