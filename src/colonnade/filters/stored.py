"""In charge of the SQL of "one of these keys", for keys as the database has returned them.

One text serves any number of them, of several columns too: PostgreSQL takes an array for each
column, SQLite all rows as one JSON. What a client sends as a key is compared by ``membership``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import CHAR, ColumnElement, Text, bindparam, tuple_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import TypeDecorator, TypeEngine
from typing_extensions import override

from colonnade.filters.families import family_of, plain_type
from colonnade.filters.membership import VALUE, Values, encode, travels_as_text
from colonnade.filters.predicate import Predicate

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

__all__ = ["among_stored"]

#: How a list of another type travels, nobody knows.
_BY_ONE: Final = "other"


class _Column(Values):
    """One column of the keys, as PostgreSQL's array."""

    cache_ok = True

    @override
    def process_bind_param(self, value: list[Any] | None, dialect: Dialect) -> Any:
        if value is not None and isinstance(plain_type(self.item), CHAR):
            # The server fills up what it returns, and compares text without.
            value = [item.rstrip(" ") if isinstance(item, str) else item for item in value]
        return super().process_bind_param(value, dialect)


class _Rows(TypeDecorator[list[tuple[Any, ...]]]):
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
            encode(kind, list(column), dialect)
            for kind, column in zip(self.items, zip(*value, strict=True), strict=True)
        ]
        return json.dumps(list(zip(*columns, strict=True)))


class _AmongStored(Predicate):
    """Its clauses: the columns, an array for each, all rows as one JSON, and a plain IN."""

    inherit_cache = True


def among_stored(
    columns: Sequence[Any], name: str, kinds: Sequence[TypeEngine[Any]] | None = None
) -> ColumnElement[bool]:
    """Return the condition that the columns are one of the keys bound as ``name``.

    Where there are several columns, the values of each are bound too, as ``name_0`` and so on.
    ``kinds`` are the types to bind values as that no column may hold.
    """
    kinds = kinds or [column.type for column in columns]
    key: Any = columns[0] if len(columns) == 1 else tuple_(*columns, types=kinds)
    each: Any = key.in_(bindparam(name, expanding=True))
    if any(family_of(column.type) == _BY_ONE for column in columns):
        return each  # type: ignore[no-any-return] # a comparison
    names = [name] if len(columns) == 1 else [f"{name}_{index}" for index in range(len(columns))]
    arrays = [bindparam(own, type_=_Column(kind)) for own, kind in zip(names, kinds, strict=True)]
    rows = bindparam(name, type_=_Rows(*kinds))
    return _AmongStored(*columns, *arrays, rows, each)


@compiles(_AmongStored)
def _each(element: _AmongStored, compiler: Any, **options: Any) -> str:
    text: str = compiler.process(list(element.clauses)[-1], **options)
    return text


@compiles(_AmongStored, "postgresql")
def _of_arrays(element: _AmongStored, compiler: Any, **options: Any) -> str:
    columns, arrays, _ = _parts(element, compiler, options)
    listed = ", ".join(f"unnest({compiler.process(array, **options)})" for array in arrays)
    return f"({columns} IN (SELECT {listed}))"


@compiles(_AmongStored, "sqlite")
def _of_json(element: _AmongStored, compiler: Any, **options: Any) -> str:
    columns, arrays, rows = _parts(element, compiler, options)
    single = len(arrays) == 1
    source = compiler.process(arrays[0] if single else rows, **options)
    found = ["value"] if single else [f"json_extract(value, '$[{i}]')" for i in range(len(arrays))]
    for index, array in enumerate(arrays):
        if travels_as_text(array.type.item, compiler.dialect):
            found[index] = f"{VALUE}({found[index]})"
    return f"({columns} IN (SELECT {', '.join(found)} FROM json_each({source})))"


def _parts(
    element: _AmongStored, compiler: Any, options: dict[str, Any]
) -> tuple[str, list[Any], Any]:
    clauses = list(element.clauses)
    width = (len(clauses) - 2) // 2
    columns = ", ".join(compiler.process(column, **options) for column in clauses[:width])
    return (columns if width == 1 else f"({columns})"), clauses[width : 2 * width], clauses[-2]
