"""The SQL of ``in`` and ``not_in``: one statement for a list of any length.

PostgreSQL gets the list as one array and SQLite as one JSON text. So the number of values is not
limited by the number of parameters, and each length does not need a statement of its own. MySQL
and MariaDB get a parameter for each value, which their drivers write into the statement.

With a NULL column both operators give NULL, as in SQL, unless the list is empty: an empty ``in``
finds no row and an empty ``not_in`` every row.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ARRAY, ColumnElement, Text, bindparam
from sqlalchemy.dialects.postgresql import CITEXT
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import TypeDecorator, TypeEngine
from typing_extensions import override

from colonnade.filters.binding import unbounded
from colonnade.filters.families import family_of, plain_type
from colonnade.filters.predicate import Predicate
from colonnade.filters.text import Exactly, ExactlyNot

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

__all__ = ["VALUE", "Values", "among", "encode", "not_among", "travels_as_text"]

#: The SQL function that turns text from the JSON into a value; every SQLite connection has it.
VALUE: Final = "colonnade_value"
#: Families that JSON cannot carry exactly, sent as text: SQLite reads a float to 15 digits only.
_AS_TEXT: Final = frozenset({"float", "decimal", "bytes"})


class Values(TypeDecorator[list[Any]]):
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
            item = own if isinstance(own, CITEXT) else unbounded(self.item)  # as a variant too
            return dialect.type_descriptor(ARRAY(item))
        return dialect.type_descriptor(Text())

    @override
    def process_bind_param(self, value: list[Any] | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return json.dumps(encode(self.item, value, dialect))


def encode(kind: TypeEngine[Any], values: list[Any], dialect: Dialect) -> list[Any]:
    """Return the values as they are written into the JSON for SQLite."""
    process = kind.dialect_impl(dialect).bind_processor(dialect)
    return [_told(item) for item in (values if process is None else map(process, values))]


def travels_as_text(kind: TypeEngine[Any], dialect: Dialect) -> bool:
    """Return True if the JSON has the values as text, which ``VALUE`` turns back into values."""
    # The family of the type on this database: an ExactDecimal is an integer on SQLite.
    return family_of(plain_type(kind.dialect_impl(dialect))) in _AS_TEXT


def _told(item: Any) -> Any:
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


def among(column: Any, values: Any) -> ColumnElement[bool]:
    """Build the condition that a column holds one of the values of an expanding parameter."""
    return _listed(column, values, lambda c, v: c.in_(v), Exactly, _Among)


def not_among(column: Any, values: Any) -> ColumnElement[bool]:
    """Build the condition that a column holds none of the values of an expanding parameter."""
    return _listed(column, values, lambda c, v: c.not_in(v), ExactlyNot, _NotAmong)


def _listed(
    column: Any,
    values: Any,
    compare: Callable[[Any, Any], Any],
    exact: type[Exactly],
    element: type[_Among],
) -> ColumnElement[bool]:
    """Return the membership condition, made of ``compare`` and put into ``element``."""
    family = family_of(column.type)
    each: Any = exact(compare, column, values) if family == "text" else compare(column, values)
    if family == "other":
        # For an unknown type nothing says how its values are written in an array or JSON.
        return each  # type: ignore[no-any-return] # a comparison
    # Both parameters share a name, so one bound list serves whichever of them is compiled.
    return element(column, bindparam(values.key, type_=Values(values.type)), each)


@compiles(_Among)
@compiles(_NotAmong)
def _each(element: _Among, compiler: Any, **options: Any) -> str:
    text: str = compiler.process(list(element.clauses)[2], **options)
    return text


@compiles(_Among, "postgresql")
@compiles(_NotAmong, "postgresql")
def _of_array(element: _Among, compiler: Any, **options: Any) -> str:
    column, values = _processed(element, compiler, options)
    # Not "= ANY(array)": its generic plan compares every row with every value of the array.
    return f"({column} {element.word} (SELECT unnest({values})))"


@compiles(_Among, "sqlite")
@compiles(_NotAmong, "sqlite")
def _of_json(element: _Among, compiler: Any, **options: Any) -> str:
    column, values = _processed(element, compiler, options)
    list_type: Any = list(element.clauses)[1].type
    value = f"{VALUE}(value)" if travels_as_text(list_type.item, compiler.dialect) else "value"
    return f"({column} {element.word} (SELECT {value} FROM json_each({values})))"


def _processed(element: _Among, compiler: Any, options: dict[str, Any]) -> tuple[str, str]:
    """Return the SQL of the column and of the list as one parameter."""
    column, values, _ = element.clauses
    return compiler.process(column, **options), compiler.process(values, **options)
