"""The operator table: every operator that a lookup may end with, what it takes, and its SQL.

Parsing, validation, hints, the query parameters of FastAPI and the reference page are all made
from this table. A new operator is one more entry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, MetaData, String, bindparam, false, true
from sqlalchemy.types import TypeEngine
from sqlmodel import SQLModel

from colonnade import mapping
from colonnade.capabilities import ALL_DATABASES, databases_with
from colonnade.filters.families import (
    ANY,
    ARRAYS,
    BOOLEANS,
    EQUAL,
    JSON,
    LISTED,
    ORDERED,
    TEXTS,
    AppliesTo,
)
from colonnade.filters.search_syntax import FullTextSearch
from colonnade.sql import arrays, fulltext, json, text
from colonnade.sql.comparison import build_between, comparison_type, with_portable_order
from colonnade.sql.membership import build_in, build_not_in
from colonnade.values import family_of

__all__ = ["OPERATORS", "Operand", "Operator", "check_models"]

#: What an operator takes: ``one`` value of the column's type, ``many`` of them, a ``pair`` of them
#: or ``items`` of an array; for a column of any type a ``text``, a ``pattern`` or a ``search``; a
#: ``flag`` (True or False) or a ``state`` (None too), which are part of the statement's shape.
Operand = Literal["one", "many", "pair", "items", "text", "pattern", "search", "flag", "state"]


@dataclass(frozen=True, slots=True)
class Operator:
    """A lookup's operator: its name, what it takes, the columns it applies to, its SQL.

    ``build`` returns the SQL condition for a column and for what ``bound`` returns; for a flag or
    a state, for a column and the bool. ``kind`` returns the type to bind for a column's type.
    ``databases`` are those that have the operator; on others compiling raises ``UnknownOperator``.
    ``rank`` takes the same two as ``build`` and returns a number: sorted by it descending, the
    rows that match best come first.
    """

    name: str
    summary: str
    operand: Operand
    applies_to: AppliesTo
    build: Callable[[Any, Any], ColumnElement[bool]]
    kind: Callable[[TypeEngine[Any]], TypeEngine[Any]] = comparison_type
    databases: frozenset[str] = ALL_DATABASES
    rank: Callable[[Any, Any], ColumnElement[float]] | None = None

    def supports(self, kind: TypeEngine[Any]) -> bool:
        """Return whether the operator applies to a column of this type."""
        return family_of(kind) in self.applies_to.families

    def make_parameter(self, name: str, kind: TypeEngine[Any]) -> Any:
        """Return the bind parameter ``name`` for a column of this type.

        For a pair these are two: ``name_low`` and ``name_high``.
        """
        if self.operand == "pair":
            # Two parameters: the two ends of the pair are bound when the statement runs.
            ends = (bindparam(f"{name}_{end}", type_=self.kind(kind)) for end in ("low", "high"))
            return tuple(ends)
        return bindparam(name, type_=self.kind(kind), expanding=self.operand == "many")

    def annotation(self, kind: Any) -> Any:
        """Return the Python type of the operand for a column whose values are of type ``kind``."""
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
        """Return the JSON schema of the operand, for OpenAPI."""
        return TypeAdapter(self.annotation(kind)).json_schema()


def _string_type(_kind: TypeEngine[Any]) -> TypeEngine[Any]:
    return String()


def _pattern_type(_kind: TypeEngine[Any]) -> TypeEngine[Any]:
    return text.LikePattern()


def _search_type(_kind: TypeEngine[Any]) -> TypeEngine[Any]:
    return FullTextSearch()


def _part_type(before: str = "", after: str = "") -> Callable[[TypeEngine[Any]], TypeEngine[Any]]:
    return lambda _kind: text.LiteralPart(before, after)


def _exact_for_text(
    compare: Callable[[Any, Any], ColumnElement[bool]],
    kind: type[text.ExactComparison] = text.ExactComparison,
) -> Callable[[Any, Any], ColumnElement[bool]]:
    """Return ``compare``, which compares texts exactly, whatever the collation of the column."""
    return lambda c, v: kind(compare, c, v) if family_of(c.type) == "text" else compare(c, v)


def _boolean_literal(flag: bool) -> ColumnElement[bool]:
    """Return the SQL literal, which ``IS`` needs in place of a bind parameter."""
    return true() if flag else false()


# Where the databases differ, "build" makes an SQL element that each compiles in its own way.
_TABLE: Final = (
    Operator("eq", "equal; None asks for NULL", "one", EQUAL, _exact_for_text(lambda c, v: c == v)),
    Operator(
        "ne",
        "not equal; None asks for a value",
        "one",
        EQUAL,
        _exact_for_text(lambda c, v: c != v, text.ExactInequality),
    ),
    Operator("gt", "greater", "one", ORDERED, with_portable_order(lambda c, v: c > v)),
    Operator("gte", "greater or equal", "one", ORDERED, with_portable_order(lambda c, v: c >= v)),
    Operator("lt", "less", "one", ORDERED, with_portable_order(lambda c, v: c < v)),
    Operator("lte", "less or equal", "one", ORDERED, with_portable_order(lambda c, v: c <= v)),
    Operator(
        "between", "from the first to the second, both included", "pair", ORDERED, build_between
    ),
    Operator("in", "one of these; none of an empty list", "many", LISTED, build_in),
    Operator("not_in", "none of these; any row for an empty list", "many", LISTED, build_not_in),
    Operator(
        "is",
        "True, False, or NULL for None",
        "state",
        BOOLEANS,
        lambda c, flag: c.is_(_boolean_literal(flag)),
    ),
    Operator(
        "is_not",
        "anything but that, NULL included",
        "state",
        BOOLEANS,
        lambda c, flag: c.is_not(_boolean_literal(flag)),
    ),
    Operator("isnull", "NULL, or not", "flag", ANY, json.build_isnull),
    Operator(
        "like",
        "like this pattern, in the same case",
        "pattern",
        TEXTS,
        text.build_like,
        _pattern_type,
    ),
    Operator(
        "notlike",
        "not like this pattern",
        "pattern",
        TEXTS,
        lambda c, v: ~text.build_like(c, v),
        _pattern_type,
    ),
    Operator(
        "ilike", "like this pattern in any case", "pattern", TEXTS, text.build_ilike, _pattern_type
    ),
    Operator(
        "notilike",
        "not like this pattern in any case",
        "pattern",
        TEXTS,
        lambda c, v: ~text.build_ilike(c, v),
        _pattern_type,
    ),
    Operator(
        "contains", "holds this text", "text", TEXTS, text.build_contains, _part_type("%", "%")
    ),
    Operator(
        "icontains",
        "holds this text in any case",
        "text",
        TEXTS,
        text.build_icontains,
        _part_type("%", "%"),
    ),
    Operator(
        "startswith", "begins with this text", "text", TEXTS, text.build_like, _part_type(after="%")
    ),
    Operator(
        "istartswith",
        "begins with this text in any case",
        "text",
        TEXTS,
        text.build_ilike,
        _part_type(after="%"),
    ),
    Operator(
        "endswith", "ends with this text", "text", TEXTS, text.build_like, _part_type(before="%")
    ),
    Operator(
        "iendswith",
        "ends with this text in any case",
        "text",
        TEXTS,
        text.build_ilike,
        _part_type(before="%"),
    ),
    Operator("iexact", "equal in any case", "text", TEXTS, text.build_iexact, _string_type),
    Operator(
        "match",
        'holds these words, "phrases", not -these, or those; in the database\'s own full text',
        "search",
        TEXTS,
        fulltext.build_match,
        _search_type,
        rank=fulltext.build_rank,
    ),
    Operator(
        "has_key",
        "an object with this key at its top",
        "text",
        JSON,
        json.build_has_key,
        _string_type,
    ),
    Operator(
        "overlap",
        "holds one of these items",
        "items",
        ARRAYS,
        arrays.build_overlap,
        databases=databases_with("has_arrays"),
    ),
    Operator(
        "includes",
        "holds all of these items",
        "items",
        ARRAYS,
        arrays.build_includes,
        databases=databases_with("has_arrays"),
    ),
)

OPERATORS: Final[Mapping[str, Operator]] = MappingProxyType({item.name: item for item in _TABLE})


def check_models(metadata: MetaData = SQLModel.metadata) -> None:
    """Raise ``InvalidMapping`` with every problem of the models of ``metadata``.

    These are models that cannot be mapped, for example because of a relation to a class that was
    not imported, models without a primary key, and columns whose name would make a lookup
    ambiguous. The first use of such a model fails too. ``colonnade.fastapi.connect`` makes this
    check when the app starts.
    """
    mapping.check_models(metadata, OPERATORS)
