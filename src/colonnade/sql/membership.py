"""The SQL of ``in`` and ``not_in`` and of keys: one statement for a list of any length.

PostgreSQL gets the list as one array and SQLite as one JSON text. So the number of values is not
limited by the number of parameters, and each length does not need a statement of its own. MySQL and
MariaDB get a parameter for each value, which their drivers write into the statement.
``build_in_stored_keys`` does the same for keys of several columns.

With a NULL column ``in`` and ``not_in`` give NULL, as in SQL, unless the list is empty: an empty
``in`` finds no row and an empty ``not_in`` every row.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ARRAY, CHAR, ColumnElement, Text, bindparam, tuple_
from sqlalchemy.dialects.postgresql import CITEXT
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import TypeDecorator, TypeEngine
from typing_extensions import override

from colonnade.sql.comparison import Predicate, unbounded_type
from colonnade.sql.text import ExactComparison, ExactInequality
from colonnade.values import family_of, plain_type

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

__all__ = [
    "VALUE_FUNCTION",
    "ValueList",
    "build_in",
    "build_in_stored_keys",
    "build_not_in",
    "encode_values",
    "is_sent_as_text",
]

#: The SQL function that turns text from the JSON into a value; every SQLite connection has it.
VALUE_FUNCTION: Final = "colonnade_value"
#: Families that JSON cannot carry exactly, sent as text: SQLite reads a float to 15 digits only.
_AS_TEXT: Final = frozenset({"float", "decimal", "bytes"})
#: The family of unknown types, for which nothing says how a list is written.
_UNLISTED_FAMILY: Final = "other"


def build_in(column: Any, values: Any) -> ColumnElement[bool]:
    """Build the condition that a column holds one of the values of an expanding parameter."""
    return _build_membership(column, values, lambda c, v: c.in_(v), ExactComparison, _Among)


def build_not_in(column: Any, values: Any) -> ColumnElement[bool]:
    """Build the condition that a column holds none of the values of an expanding parameter."""
    return _build_membership(column, values, lambda c, v: c.not_in(v), ExactInequality, _NotAmong)


def build_in_stored_keys(
    columns: Sequence[Any], name: str, kinds: Sequence[TypeEngine[Any]] | None = None
) -> ColumnElement[bool]:
    """Return the condition that the columns are one of the keys bound as ``name``.

    If there are several columns, the values of each are bound too, as ``name_0`` and so on.
    ``kinds`` are types to bind the values as, in place of the columns' own.
    """
    kinds = kinds or [column.type for column in columns]
    key: Any = columns[0] if len(columns) == 1 else tuple_(*columns, types=kinds)
    each: Any = key.in_(bindparam(name, expanding=True))
    if any(family_of(column.type) == _UNLISTED_FAMILY for column in columns):
        return each  # type: ignore[no-any-return] # a comparison
    names = [name] if len(columns) == 1 else [f"{name}_{index}" for index in range(len(columns))]
    arrays = [
        bindparam(own, type_=_KeyColumnArray(kind)) for own, kind in zip(names, kinds, strict=True)
    ]
    rows = bindparam(name, type_=_KeyRows(*kinds))
    return _AmongStored(*columns, *arrays, rows, each)


class ValueList(TypeDecorator[list[Any]]):
    """The type of a bind parameter that holds a whole list: an array, or JSON as text."""

    impl = Text
    cache_ok = True

    def __init__(self, item: TypeEngine[Any]) -> None:
        super().__init__()
        self.item = item

    @override
    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            own = self.item.dialect_impl(dialect)
            item = own if isinstance(own, CITEXT) else unbounded_type(self.item)  # as a variant too
            return dialect.type_descriptor(ARRAY(item))
        return dialect.type_descriptor(Text())

    @override
    def process_bind_param(self, value: list[Any] | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return json.dumps(encode_values(self.item, value, dialect))


def encode_values(kind: TypeEngine[Any], values: list[Any], dialect: Dialect) -> list[Any]:
    """Return the values as they are written into the JSON for SQLite."""
    process = kind.dialect_impl(dialect).bind_processor(dialect)
    return [_encode_item(item) for item in (values if process is None else map(process, values))]


def is_sent_as_text(kind: TypeEngine[Any], dialect: Dialect) -> bool:
    """Return whether the JSON has values as text, which ``VALUE_FUNCTION`` turns back."""
    # The family of the type on this database: an ExactDecimal is an integer on SQLite.
    return family_of(plain_type(kind.dialect_impl(dialect))) in _AS_TEXT


def _encode_item(item: Any) -> Any:
    """Return one value as JSON has it: a float by its ``repr``, bytes as hexadecimal digits."""
    if isinstance(item, float):
        return repr(item)
    return f"x{bytes(item).hex()}" if isinstance(item, bytes | memoryview) else item


class _Among(Predicate):
    """``column IN list``, in two forms, of which a database compiles one.

    The clauses are the column, the list as one parameter, and an IN with a parameter for each
    value.
    """

    inherit_cache = True
    word = "IN"


class _NotAmong(_Among):
    """``column NOT IN list``; a NULL column gives NULL."""

    inherit_cache = True
    word = "NOT IN"


def _build_membership(
    column: Any,
    values: Any,
    compare: Callable[[Any, Any], Any],
    exact: type[ExactComparison],
    element: type[_Among],
) -> ColumnElement[bool]:
    """Return the membership condition, made of ``compare`` and put into ``element``."""
    family = family_of(column.type)
    each: Any = exact(compare, column, values) if family == "text" else compare(column, values)
    if family == "other":
        # For an unknown type nothing says how its values are written in an array or JSON.
        return each  # type: ignore[no-any-return] # a comparison
    # Both parameters share a name, so one bound list serves whichever of them is compiled.
    return element(column, bindparam(values.key, type_=ValueList(values.type)), each)


@compiles(_Among)
@compiles(_NotAmong)
def _render_plain_in(element: _Among, compiler: Any, **options: Any) -> str:
    text: str = compiler.process(list(element.clauses)[2], **options)
    return text


@compiles(_Among, "postgresql")
@compiles(_NotAmong, "postgresql")
def _render_in_array(element: _Among, compiler: Any, **options: Any) -> str:
    column, values = _render_column_and_list(element, compiler, options)
    # Not "= ANY(array)": its generic plan compares every row with every value of the array.
    return f"({column} {element.word} (SELECT unnest({values})))"


@compiles(_Among, "sqlite")
@compiles(_NotAmong, "sqlite")
def _render_in_json(element: _Among, compiler: Any, **options: Any) -> str:
    column, values = _render_column_and_list(element, compiler, options)
    list_type: Any = list(element.clauses)[1].type
    value = (
        f"{VALUE_FUNCTION}(value)" if is_sent_as_text(list_type.item, compiler.dialect) else "value"
    )
    return f"({column} {element.word} (SELECT {value} FROM json_each({values})))"


def _render_column_and_list(
    element: _Among, compiler: Any, options: dict[str, Any]
) -> tuple[str, str]:
    """Return the SQL of the column and of the list as one parameter."""
    column, values, _ = element.clauses
    return compiler.process(column, **options), compiler.process(values, **options)


class _KeyColumnArray(ValueList):
    """One column of the keys, as PostgreSQL's array."""

    cache_ok = True

    @override
    def process_bind_param(self, value: list[Any] | None, dialect: Dialect) -> Any:
        if value is not None and isinstance(plain_type(self.item), CHAR):
            # The server pads what it returns with spaces, and compares it as text without them.
            value = [item.rstrip(" ") if isinstance(item, str) else item for item in value]
        return super().process_bind_param(value, dialect)


class _KeyRows(TypeDecorator[list[tuple[Any, ...]]]):
    """Keys of several columns, as one JSON."""

    impl = Text
    cache_ok = True

    def __init__(self, *items: TypeEngine[Any]) -> None:
        super().__init__()
        self.items = items

    @override
    def process_bind_param(self, value: list[tuple[Any, ...]] | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        columns = [
            encode_values(kind, list(column), dialect)
            for kind, column in zip(self.items, zip(*value, strict=True), strict=True)
        ]
        return json.dumps(list(zip(*columns, strict=True)))


class _AmongStored(Predicate):
    """``(a, b) IN keys``: its clauses are the columns, an array for each, one JSON, a plain IN."""

    inherit_cache = True


@compiles(_AmongStored)
def _render_each_key(element: _AmongStored, compiler: Any, **options: Any) -> str:
    text: str = compiler.process(list(element.clauses)[-1], **options)
    return text


@compiles(_AmongStored, "postgresql")
def _render_key_arrays(element: _AmongStored, compiler: Any, **options: Any) -> str:
    columns, arrays, _ = _split_clauses(element, compiler, options)
    listed = ", ".join(f"unnest({compiler.process(array, **options)})" for array in arrays)
    return f"({columns} IN (SELECT {listed}))"


@compiles(_AmongStored, "sqlite")
def _render_keys_in_json(element: _AmongStored, compiler: Any, **options: Any) -> str:
    columns, arrays, rows = _split_clauses(element, compiler, options)
    single = len(arrays) == 1
    source = compiler.process(arrays[0] if single else rows, **options)
    found = ["value"] if single else [f"json_extract(value, '$[{i}]')" for i in range(len(arrays))]
    for index, array in enumerate(arrays):
        if is_sent_as_text(array.type.item, compiler.dialect):
            found[index] = f"{VALUE_FUNCTION}({found[index]})"
    return f"({columns} IN (SELECT {', '.join(found)} FROM json_each({source})))"


def _split_clauses(
    element: _AmongStored, compiler: Any, options: dict[str, Any]
) -> tuple[str, list[Any], Any]:
    """Return the SQL of the columns, the clauses of the arrays, and that of the JSON."""
    clauses = list(element.clauses)
    width = (len(clauses) - 2) // 2
    columns = ", ".join(compiler.process(column, **options) for column in clauses[:width])
    return (columns if width == 1 else f"({columns})"), clauses[width : 2 * width], clauses[-2]
