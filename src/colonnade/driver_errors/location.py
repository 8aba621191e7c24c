"""Find the model and the attributes behind a table, constraint or columns that a driver names.

PostgreSQL names the table and the constraint. MySQL and MariaDB name a key (``PRIMARY`` for every
primary key), and often no table. SQLite names the table and the columns, and never the constraint.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapper

from colonnade.mapping import mappers_of
from colonnade.mapping.model import attribute_of_column

__all__ = ["Location", "find_location"]

_T = TypeVar("_T")
_Item = sa.Constraint | sa.Index


@dataclass(frozen=True, slots=True)
class Location:
    """The place of an error: model and fields as mapped, constraint and columns as in the database.

    ``constraint`` is the one that the driver named, or else the unique one of exactly these
    columns.
    """

    model: str | None = None
    fields: tuple[str, ...] = ()
    constraint: str | None = None
    columns: tuple[str, ...] = ()


def find_location(
    metadata: sa.MetaData,
    *,
    table: str | None = None,
    constraint: str | None = None,
    columns: Sequence[str] = (),
) -> Location:
    """Return the model, attributes, constraint and columns for what is known of them.

    Never raises and never guesses: what is ambiguous is left out. No mapper is configured.
    """
    tables = list(_iterate_tables(metadata, table))
    item = _find_named(tables, constraint) if constraint else _find_unique(tables, columns)
    names = tuple(columns) or _column_names(item)
    owner = _find_owner(tables, item, names)
    mapped = _find_mappers(metadata, owner)
    return Location(
        model=mapped[0].class_.__name__ if mapped else None,
        fields=tuple(_iterate_fields(owner, mapped, names)) if owner is not None else (),
        constraint=constraint or _name_of(item),
        columns=names,
    )


def _iterate_tables(metadata: sa.MetaData, name: str | None) -> Iterator[sa.Table]:
    """Yield the tables that ``name``, with or without a schema, may mean; for None all of them."""
    if name is None:
        yield from metadata.tables.values()
        return
    schema, _, bare = name.rpartition(".")
    for table in metadata.tables.values():
        if table.name == bare and (not schema or table.schema in (None, schema)):
            yield table


def _find_named(tables: Iterable[sa.Table], name: str) -> _Item | None:
    return _only_item(
        item
        for table in tables
        for item in _iterate_constraints(table)
        if name in _possible_names(table, item)
    )


def _find_unique(tables: Sequence[sa.Table], columns: Sequence[str]) -> _Item | None:
    """Return the unique constraint or index of exactly these columns, if it is the only one."""
    wanted = sorted(columns)
    if not wanted or len(tables) != 1:
        return None
    return _only_item(
        item
        for item in _iterate_constraints(tables[0])
        if _is_unique(item) and sorted(_column_names(item)) == wanted
    )


def _find_owner(
    tables: Sequence[sa.Table], item: _Item | None, columns: Sequence[str]
) -> sa.Table | None:
    """Return the table of the constraint, or the only table that has all of the columns."""
    if item is not None:
        return item.table
    if len(tables) == 1:
        return tables[0]
    return _only_item(
        table
        for table in tables
        if columns and all(name in _column_names_of(table) for name in columns)
    )


def _iterate_constraints(table: sa.Table) -> Iterator[_Item]:
    yield from table.constraints
    yield from table.indexes


def _possible_names(table: sa.Table, item: _Item) -> set[str]:
    """Return the names that a database may use for a constraint.

    A constraint without a name gets one from the database: PostgreSQL's are ``…_pkey``, ``…_key``
    and ``…_fkey``, and MySQL takes the first column's for a unique key.
    """
    name = _name_of(item)
    if isinstance(item, sa.PrimaryKeyConstraint):
        # MySQL and MariaDB call every primary key PRIMARY, also one that has a name.
        return {name or f"{table.name}_pkey", "PRIMARY"}
    if name is not None:
        return {name}
    columns = _column_names(item)
    joined = "_".join((table.name, *columns))
    if isinstance(item, sa.UniqueConstraint):
        return {f"{joined}_key", *columns[:1]}
    return {f"{joined}_fkey"} if isinstance(item, sa.ForeignKeyConstraint) else set()


def _name_of(item: _Item | None) -> str | None:
    return str(item.name) if item is not None and isinstance(item.name, str) else None


def _is_unique(item: _Item) -> bool:
    if isinstance(item, sa.Index):
        return bool(item.unique)
    return isinstance(item, sa.UniqueConstraint | sa.PrimaryKeyConstraint)


def _column_names(item: _Item | None) -> tuple[str, ...]:
    return tuple(column.name for column in getattr(item, "columns", ()))


def _column_names_of(table: sa.Table) -> set[str]:
    return {column.name for column in table.columns}


def _find_mappers(metadata: sa.MetaData, table: sa.Table | None) -> list[Mapper[Any]]:
    """Return the mappers of a table, the parent of a single-table hierarchy first."""
    if table is None:
        return []
    found = [mapper for mapper in mappers_of(metadata) if mapper.local_table is table]
    return sorted(found, key=lambda mapper: (mapper.single, mapper.class_.__name__))


def _iterate_fields(
    table: sa.Table, mapped: Sequence[Mapper[Any]], columns: Sequence[str]
) -> Iterator[str]:
    """Yield the attributes of the columns, each from the first mapper that maps it."""
    by_name = {column.name: column for column in table.columns}
    for name in columns:
        for mapper in mapped:
            column = by_name.get(name)
            field = None if column is None else attribute_of_column(mapper, column)
            if field is not None:
                yield field
                break


def _only_item(found: Iterable[_T]) -> _T | None:
    """Return the only item; None if there is none, or several."""
    several = list(found)
    return several[0] if len(several) == 1 else None
