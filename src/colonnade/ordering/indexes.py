"""Declare an index that serves an order, and find out whether an order has one.

An index of the same columns in the same directions serves an order; read from its end, it serves
the opposite one. Columns that conditions hold to one value may come first in it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final, TypeAlias
from zlib import crc32

import sqlalchemy as sa
from sqlalchemy import Index, PrimaryKeyConstraint, UnaryExpression, UniqueConstraint
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import Grouping

from colonnade.errors import InvalidMapping
from colonnade.mapping import Column, attribute_on, check_mapped, did_you_mean
from colonnade.ordering.sort_keys import SortKey, with_primary_key

__all__ = ["missing_index", "scroll_index"]

#: A column of an index and whether it descends; None where it is an expression.
_Part: TypeAlias = "tuple[Any, bool] | None"

_LONGEST: Final = 63


def scroll_index(model: type[Any], *names: str, name: str | None = None) -> Index:
    """Declare the index of ``model`` that serves ``order_by(*names)`` and its scroll.

    Call it after the class, with the names as in ``order_by``; the primary key is added as the
    order adds it. If an index that serves is there already, it is returned as it is. Raises
    ``InvalidMapping`` for a name that is no column of the model's own.
    """
    mapper = check_mapped(model)
    parts = [_declared_column(model, spelled) for spelled in names]
    there = {key for key, _ in parts}
    last = bool(parts) and parts[-1][1]
    keys = [mapper.get_property_by_column(column).key for column in mapper.primary_key]
    parts += [(key, last) for key in keys if key not in there]
    columns = [(mapper.columns[key], descending) for key, descending in parts]
    table: Any = mapper.local_table
    if any(column.table is not table for column, _ in columns):
        raise InvalidMapping(
            f"no index serves an order of {model.__name__} by columns of several tables",
            hint="sort by the columns of one table",
            model=model.__name__,
        )
    index: Index
    for index in table.indexes:
        if not _is_special(index) and _index_serves((list(_parts(index)), False), columns, ()):
            return index
    # An ascending index serves a descending order too, read from its end.
    if all(descending for _, descending in columns):
        columns = [(column, False) for column, _ in columns]
    if name is None:
        words = (f"{column.name}_desc" if down else column.name for column, down in columns)
        name = "_".join(("ix", table.name, *words))
        if len(name) > _LONGEST:
            name = f"{name[: _LONGEST - 9]}_{crc32(name.encode()):08x}"
    return Index(name, *(column.desc() if down else column for column, down in columns))


def missing_index(
    model: type[Any], terms: Sequence[SortKey], *, equal: Collection[str] = ()
) -> str | None:
    """Return which index to declare for an order that none of the table serves; None if one does.

    ``equal`` are the attributes that conditions hold to one value. Only what the models declare is
    looked at; no statement runs.
    """
    order = with_primary_key(model, tuple(terms))
    if any(item.rank for item in order):
        return "no index serves an order by rank: all that is found is ranked, then sorted"
    far = next((item for item in order if item.steps), None)
    if far is not None:
        path = ".".join([*(step.name for step in far.steps), far.column.name])
        return f"no index serves an order by {path}, a column of another table"
    fixed = {_table_column(model, key) for key in equal}
    computed = next((item for item in order if not isinstance(item.column, Column)), None)
    if computed is not None and not _is_indexed(model, order[0]):
        return f"no index serves an order by {computed.column.name}, which is computed for each row"
    if computed is not None:
        return None
    columns = ((item.column, item.descending) for item in order)
    wanted = [(item.column, down) for item, down in columns if isinstance(item, Column)]
    wanted = [part for part in wanted if part[0] not in fixed]
    table: sa.Table = sa.inspect(model).local_table
    if not wanted or any(_index_serves(item, wanted, fixed) for item in _indexes(table)):
        return None
    spelled = ", ".join(f'"{"-" if item.descending else ""}{item.column.name}"' for item in terms)
    return (
        f"no index of {table.name} serves this order; "
        f"declare one with scroll_index({model.__name__}, {spelled})"
    )


def _declared_column(model: type[Any], spelled: str) -> tuple[str, bool]:
    """Return the attribute and the direction of a name, without configuring the mappers."""
    name = spelled.lstrip("+-") if isinstance(spelled, str) else ""
    columns = sa.inspect(model).columns
    if name not in columns:
        raise InvalidMapping(
            f"scroll_index: {model.__name__} has no column of that name",
            hint=did_you_mean(name, columns.keys(), model.__name__),
            model=model.__name__,
        )
    return name, spelled.startswith("-")


def _is_indexed(model: type[Any], first: SortKey) -> bool:
    """Return whether an index begins with the expression or column that an order begins with."""
    wanted = _comparable_sql(attribute_on(model, first.column))
    table: sa.Table = sa.inspect(model).local_table
    return any(
        _comparable_sql(next(iter(index.expressions))) == wanted
        for index in table.indexes
        if not _is_special(index)
    )


def _comparable_sql(element: Any) -> tuple[str, Any]:
    """Return the SQL of a sorted expression and the values in it, to compare it with an index's.

    An attribute's column carries annotations, so that SQLAlchemy finds it unlike that of an index.
    """
    compiled = _strip_wrappers(element).compile()
    return str(compiled), compiled.params


def _strip_wrappers(element: Any) -> Any:
    """Return a sorted expression without its direction, parentheses and ``type_coerce``."""
    while True:
        if isinstance(element, sa.TypeCoerce):
            element = element.clause
        elif isinstance(element, Grouping) or (
            isinstance(element, UnaryExpression) and element.modifier is not None
        ):
            element = element.element
        else:
            return element


def _table_column(model: type[Any], key: str) -> Any:
    return sa.inspect(model).columns[key]


def _indexes(table: sa.Table) -> Iterator[tuple[list[_Part], bool]]:
    """Yield the parts of every index that has an order, and whether it is unique without NULLs."""
    for item in table.constraints:
        if isinstance(item, UniqueConstraint | PrimaryKeyConstraint):
            columns = list(item.columns)
            alone = not any(column.nullable for column in columns)
            yield [(column, False) for column in columns], alone
    for index in table.indexes:
        if not _is_special(index):
            alone = bool(index.unique) and not any(column.nullable for column in index.columns)
            yield list(_parts(index)), alone


def _is_special(index: Index) -> bool:
    """Return whether an index holds only some rows, or holds them in no order."""
    # Compared by identity, since an SQL condition raises where it is taken for a bool.
    options = {n: v for n, v in index.dialect_kwargs.items() if v is not None and v is not False}
    using = options.get("postgresql_using", "btree")
    partial = any(name.endswith("_where") for name in options)
    return partial or using != "btree" or bool(options.get("mysql_prefix"))


def _parts(index: Index) -> Iterator[_Part]:
    """Yield each column of an index and whether it descends; None for an expression."""
    for element in index.expressions:
        inner: Any = element
        descending = False
        while isinstance(inner, UnaryExpression):
            descending = descending or inner.modifier is operators.desc_op
            inner = inner.element
        yield (inner, descending) if isinstance(inner, sa.Column) else None


def _index_serves(
    index: tuple[list[_Part], bool], wanted: Sequence[tuple[Any, bool]], fixed: Collection[Any]
) -> bool:
    """Return whether an index serves the order ``wanted``, read from its start or its end."""
    parts, alone = index
    rest = [part for part in parts if part is None or part[0] not in fixed]
    # True if the index is read from its end. All columns have to agree on that.
    turned = None
    for position, (column, descending) in enumerate(wanted):
        if position == len(rest):
            # A unique index has one row for each of its keys, so that there are no ties to sort.
            return alone and position > 0
        part = rest[position]
        if part is None or part[0] is not column:
            return False
        turned = part[1] is not descending if turned is None else turned
        if (part[1] is not descending) is not turned:
            return False
    return True
