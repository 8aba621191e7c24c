"""In charge of the SQL of ``in`` and ``not_in``: one statement for a list of any length.

PostgreSQL takes the list as one array and SQLite as one text of JSON, so that neither the number
of arguments is limited nor a length makes another statement. MariaDB's drivers write the values
into the statement.

``NULL`` is not among any values, nor is it not among them; of no values it is not one, as nothing
is: an empty ``in`` finds no row, an empty ``not_in`` every row.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ARRAY, ColumnElement, Text, bindparam
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

#: The function that ``colonnade.database`` gives every SQLite connection.
VALUE: Final = "colonnade_value"
#: What JSON does not carry exactly travels as text: SQLite reads a float to 15 digits only.
_AS_TEXT: Final = frozenset({"float", "decimal", "bytes"})


class Values(TypeDecorator[list[Any]]):
    """A list of values of one type, bound as one argument."""

    impl = Text
    cache_ok = True

    def __init__(self, item: TypeEngine[Any]) -> None:
        super().__init__()
        self.item = item

    @override
    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(ARRAY(unbounded(self.item)))
        return dialect.type_descriptor(Text())

    @override
    def process_bind_param(self, value: list[Any] | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return json.dumps(encode(self.item, value, dialect))


def encode(kind: TypeEngine[Any], values: list[Any], dialect: Dialect) -> list[Any]:
    """Return values of one type as JSON carries them to SQLite."""
    process = kind.dialect_impl(dialect).bind_processor(dialect)
    return [_told(item) for item in (values if process is None else map(process, values))]


def travels_as_text(kind: TypeEngine[Any], dialect: Dialect) -> bool:
    """Return whether JSON carries the type as text, which ``VALUE`` makes a value again."""
    # What the type is here: an exact decimal is an integer on SQLite.
    return family_of(plain_type(kind.dialect_impl(dialect))) in _AS_TEXT


def _told(item: Any) -> Any:
    if isinstance(item, float):
        return repr(item)
    return f"x{bytes(item).hex()}" if isinstance(item, bytes | memoryview) else item


class _Among(Predicate):
    """Its clauses: the column, the list as one argument, and IN with an argument for each value."""

    inherit_cache = True
    word = "IN"


class _NotAmong(_Among):
    """The opposite; what is unknown for NULL stays unknown."""

    inherit_cache = True
    word = "NOT IN"


def among(column: Any, values: Any) -> ColumnElement[bool]:
    """Whether a column holds one of an expanding parameter's values."""
    return _listed(column, values, lambda c, v: c.in_(v), Exactly, _Among)


def not_among(column: Any, values: Any) -> ColumnElement[bool]:
    """The opposite."""
    return _listed(column, values, lambda c, v: c.not_in(v), ExactlyNot, _NotAmong)


def _listed(
    column: Any,
    values: Any,
    compare: Callable[[Any, Any], Any],
    exact: type[Exactly],
    element: type[_Among],
) -> ColumnElement[bool]:
    family = family_of(column.type)
    each: Any = exact(compare, column, values) if family == "text" else compare(column, values)
    if family == "other":
        return each  # type: ignore[no-any-return] # how a list of them travels, nobody knows
    # Both parameters have one name and so one value; a database's SQL holds one of the two.
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
    # Not "= ANY": its generic plan looks at every value for every row.
    return f"({column} {element.word} (SELECT unnest({values})))"


@compiles(_Among, "sqlite")
@compiles(_NotAmong, "sqlite")
def _of_json(element: _Among, compiler: Any, **options: Any) -> str:
    column, values = _processed(element, compiler, options)
    listed: Any = list(element.clauses)[1].type
    value = f"{VALUE}(value)" if travels_as_text(listed.item, compiler.dialect) else "value"
    return f"({column} {element.word} (SELECT {value} FROM json_each({values})))"


def _processed(element: _Among, compiler: Any, options: dict[str, Any]) -> tuple[str, str]:
    column, values, _ = element.clauses
    return compiler.process(column, **options), compiler.process(values, **options)
