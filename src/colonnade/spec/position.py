"""Turn a row's position in a list into a cursor, the text that a client sends back, and back again.

A cursor belongs to a model, its conditions with their values, and an order: a query with any other
refuses it.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import Any, cast

from sqlalchemy import literal_column
from sqlalchemy.sql.elements import ClauseElement

from colonnade.caches import memoized
from colonnade.errors import InvalidCursor, InvalidOperand
from colonnade.filters import Operator
from colonnade.mapping import Column, Expression, RawExpression, Relation
from colonnade.ordering import SortKey, with_primary_key
from colonnade.pagination import CursorValue, encode_cursor_value, seal_cursor, unseal_cursor
from colonnade.spec.given import find_deciding_values
from colonnade.spec.memory import remembered
from colonnade.spec.shape import Shape, Spec
from colonnade.sql import build_exact
from colonnade.values import (
    Rule,
    UnfitValue,
    column_python_type,
    family_of,
    python_type_for_errors,
    rule_of,
)

__all__ = ["CursorCodec", "Position"]


@dataclass(frozen=True, slots=True)
class Position:
    """The start of a page: the sort keys of a row, and whether the row itself is on the page.

    ``ties`` counts the rows seen on the way here that share the first key's value.
    """

    keys: tuple[Any, ...]
    inclusive: bool = False
    ties: int = 0


class CursorCodec:
    """The codec for one query's cursors; ``finite`` if the database has no infinite numbers."""

    __slots__ = ("_context", "_finite", "_secret", "_spec", "terms")

    def __init__(self, spec: Spec, secret: str | None = None, *, finite: bool = False) -> None:
        self.terms = with_primary_key(spec.shape.model, spec.shape.order)
        if any(item.rank for item in self.terms):
            raise InvalidOperand(
                "a list in order of rank cannot be scrolled: ranks change with every row written",
                hint="turn pages by number",
            )
        untyped = next((item for item in self.terms if _is_untyped(item)), None)
        if untyped is not None:
            raise InvalidOperand(
                f"a list in order of {untyped.column.name} cannot be scrolled: SQLAlchemy knows no "
                "type for its values",
                hint="give it one: func.length(…, type_=Integer), or type_coerce(…, Integer)",
            )
        self._spec = spec
        self._secret = (secret or "").encode()
        self._finite = finite
        self._context: bytes | None = None

    @property
    def context(self) -> bytes:
        """The text with which a cursor of this query is sealed; the same in every process."""
        if self._context is None:
            shape = self._spec.shape
            text = (
                _shape_text(shape) if self._spec.raw else _shape_text_cached(_listed_shape(shape))
            )
            grouped = () if self._spec.of is None else self._spec.of.values
            values = json.dumps(
                [_canonical_json(value) for value in (*self._spec.values, *grouped)]
            )
            context = f"{text}\n{values}"
            if self._spec.given:
                context += self._given_text()
            self._context = context.encode("utf-8", "backslashreplace")
        return self._context

    def _given_text(self) -> str:
        """Return the schema's values that the list depends on, as text; not those merely shown."""
        given = self._spec.given
        values = {
            key: _canonical_json(given[key])
            for key in sorted(find_deciding_values(self._spec.shape))
        }
        return f"\n{json.dumps(values)}" if values else ""

    def cursor(self, place: Position) -> str:
        """Return the cursor for a position.

        Raises ``InvalidOperand`` for values that no cursor can hold.
        """
        values: list[CursorValue] = [place.inclusive, place.ties]
        for item, key in zip(self.terms, place.keys, strict=True):
            try:
                encode_cursor_value(plain := _cursor_value(item, key))
            except TypeError:
                raise InvalidOperand(
                    f"a list in order of {item.column.name} cannot be scrolled: "
                    f"a cursor cannot hold its values",
                    hint="sort by another column, or turn pages by number",
                    fields=(item.column.name,),
                ) from None
            values.append(plain)
        return seal_cursor(values, context=self.context, secret=self._secret)

    def place(self, cursor: Any) -> Position:
        """Return the position of a cursor. Raises ``InvalidCursor``."""
        held = unseal_cursor(cursor, context=self.context, secret=self._secret)
        # Without a secret anyone can seal a cursor, so that all that it holds is checked.
        if [type(value) for value in held[:2]] != [bool, int] or len(held) != len(self.terms) + 2:
            raise _forged_error()
        inclusive, ties, *given = held
        model = self._spec.shape.model
        if self._finite and any(_is_infinite(value) for value in given):
            raise _forged_error()
        keys = [
            _column_value(model, item, value) for item, value in zip(self.terms, given, strict=True)
        ]
        return Position(tuple(keys), bool(inclusive), cast("int", ties))


def _is_untyped(item: SortKey) -> bool:
    return isinstance(item.column, Expression | RawExpression) and item.column.untyped


def _cursor_value(item: SortKey, key: Any) -> Any:
    """Return a sort key's value as a cursor holds it; an enum's member by name or stored value."""
    if not isinstance(key, Enum):
        return key
    return key.name if _enum_of(item) is not None else key.value


def _column_value(model: type[Any], item: SortKey, value: Any) -> Any:
    """Return a value from a cursor as the column's own. Raises ``InvalidCursor``."""
    if value is None:
        if not item.nullable:
            raise _forged_error()
        return None
    members = _enum_of(item)
    if members is not None:
        if value not in members.__members__:
            raise _forged_error()
        return members[value]
    kinds, rule = _stored_types(item.steps[-1].target if item.steps else model, item)
    if type(value) not in kinds:
        raise _forged_error()
    if _is_infinite(value):
        return value  # of a row that no lookup can name
    try:
        found = rule(value)
    except UnfitValue:
        raise _forged_error() from None
    # A value of the column itself is kept; a rule may convert values of other types only.
    return found if type(found) is type(value) else value


@memoized
def _enum_of(item: SortKey) -> type[Enum] | None:
    """Return the enum whose members a column is read as, or None."""
    try:
        kind = item.column.type.python_type
    except NotImplementedError:
        return None
    return kind if issubclass(kind, Enum) else None


@memoized
def _stored_types(owner: type[Any], item: SortKey) -> tuple[tuple[type[Any], ...], Rule]:
    """Return the Python types that a column's values may have, and the rule that checks them."""
    kind = column_python_type(owner, item.column)
    found = {kind, python_type_for_errors(kind, item.column.type)}
    with suppress(NotImplementedError):
        found.add(build_exact(literal_column("key", item.column.type)).type.python_type)
    if family_of(item.column.type) == "decimal":
        found |= {Decimal, float}  # SQLite's are floats, and a column may be read as some
    kinds = tuple(kind for kind in found if isinstance(kind, type))
    # Checked by the SQL type alone: rows may hold values that the model's annotation excludes.
    return kinds, rule_of(Any, item.column.type, writing=False)


def _is_infinite(value: CursorValue) -> bool:
    return isinstance(value, float | Decimal) and not isfinite(value)


def _forged_error() -> InvalidCursor:
    return InvalidCursor(
        "the cursor holds no row's keys", hint="take it from a page of the same question"
    )


def _listed_shape(shape: Shape) -> Shape:
    return Shape(shape.model, shape.where, shape.order, of=shape.of)


def _shape_text(shape: Shape) -> str:
    order = tuple(
        (*item.steps, item.column, item.descending, item.nulls_first)
        for item in with_primary_key(shape.model, shape.order)
    )
    grouped = () if shape.of is None else (shape.of.model, shape.of.where)
    return json.dumps(_canonical_json((shape.model, shape.where, order, *grouped)))


@remembered
def _shape_text_cached(shape: Shape) -> str:
    return _shape_text(shape)


def _canonical_json(item: Any) -> Any:
    """Return a part of a shape, or a value, as JSON that is the same in every process."""
    if isinstance(item, Relation | Column | Expression | Operator):
        return item.name
    if isinstance(item, RawExpression):
        return _canonical_json(item.element)
    if isinstance(item, type):
        return f"{item.__module__}.{item.__qualname__}"
    if isinstance(item, ClauseElement):
        compiled = item.compile()
        return [str(compiled), _canonical_json(sorted((compiled.params or {}).items()))]
    if isinstance(item, Enum):
        return [type(item).__qualname__, item.name]
    if is_dataclass(item):
        parts = (getattr(item, field.name) for field in fields(item))
        return [
            type(item).__name__,
            *(_canonical_json(part) for part in parts if not callable(part)),
        ]
    if isinstance(item, list | set | frozenset):
        # The values of one ``in``, which a set may give in any order.
        return sorted((_canonical_json(part) for part in item), key=json.dumps)
    if isinstance(item, tuple):
        return [_canonical_json(part) for part in item]
    if isinstance(item, dict):
        return {str(key): _canonical_json(value) for key, value in item.items()}
    try:
        return encode_cursor_value(item)
    except TypeError:
        return repr(item)
