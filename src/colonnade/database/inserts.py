"""In charge of INSERT of many rows of one model past the unit of work.

A flush looks at every row by itself, and at what hangs on it. Rows that nobody listens for, of one
table and with plain values, need none of that: here they go to the database in as few statements as
it takes, and their objects become the session's as those of a flush do. Who calls says that a flush
would do nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, TypeAlias

from sqlalchemy import Column, Connection, Table, insert
from sqlalchemy.exc import NoReferenceError
from sqlalchemy.orm import InstanceState, Mapper, Session

from colonnade._compat.sqlalchemy_session import STATE_ATTRIBUTE, adopt_inserted
from colonnade.database.garbage import Uncollected
from colonnade.database.orm import owner_of

__all__ = ["insert_objects", "insert_rows"]

Row: TypeAlias = dict[str, Any]
State: TypeAlias = InstanceState[Any]


def insert_objects(session: Session, mapper: Mapper[Any], rows: Sequence[Row]) -> list[Any]:
    """Insert rows, and return their objects in the same order, with every column filled.

    A row is a mapping by attribute. Rows with values for the same columns share an INSERT for each
    thousand or so; on SQLite the first has one of its own. Run it in SQLAlchemy's greenlet. Raise
    ``OutOfScope`` before anything is sent.
    """
    table: Any = mapper.local_table
    columns: dict[str, Any] = {prop.key: prop.columns[0] for prop in mapper.column_attrs}
    with Uncollected():
        objects = [_object(mapper, row) for row in rows]
    states = [item.__dict__[STATE_ATTRIBUTE] for item in objects]
    owner_of(session)._scoping.inserting(session, mapper, states)
    connection = session.connection()
    for names, places in _alike(table, [state.dict for state in states]):
        alike = [states[place].dict for place in places]
        pairs = [(columns[name].key, name) for name in names]
        given = [{key: values[name] for key, name in pairs} for values in alike]
        learned = {name: column for name, column in columns.items() if name not in names}
        found = _insert(session, connection, table, given, tuple(learned.values()))
        with Uncollected():
            for values, more in zip(alike, found, strict=True):
                values.update(zip(learned, more, strict=True))
    with Uncollected():
        adopt_inserted(session, states)
    return objects


def insert_rows(session: Session, mapper: Mapper[Any], rows: Sequence[Row]) -> None:
    """Insert rows without learning anything of them; the session holds no object of them.

    One statement for the rows with values for the same columns, sent with ``executemany``. Run it
    in SQLAlchemy's greenlet. Raise ``OutOfScope`` before anything is sent.
    """
    table: Any = mapper.local_table
    keys = {prop.key: prop.columns[0].key for prop in mapper.column_attrs}
    if any(name != key for name, key in keys.items()):
        rows = [{keys[name]: value for name, value in row.items()} for row in rows]
    statement, rows = owner_of(session)._scoping.inserting_rows(session, insert(table), rows)
    connection = session.connection()
    for _, places in _alike(table, rows):
        alike = [rows[place] for place in places]
        connection.execute(statement, alike, execution_options=session.execution_options)


def _object(mapper: Mapper[Any], row: Mapping[str, Any]) -> Any:
    """Return a new object with these values, as one that was read: its ``__init__`` never ran."""
    item = mapper.class_manager.new_instance()
    item.__dict__.update(row)
    return item


def _alike(table: Any, rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[list[str], list[int]]]:
    """Yield the columns that rows have values for, and the places of those rows.

    The rows of a table that refers to itself stay in their order: one may need another.
    """
    places = range(len(rows))
    if _refers_to_itself(table):
        for _, run in groupby(places, lambda place: rows[place].keys() - {STATE_ATTRIBUTE}):
            found = list(run)
            yield _names(rows[found[0]]), found
        return
    by_names: dict[tuple[str, ...], list[int]] = {}
    for place in places:
        by_names.setdefault(tuple(rows[place]), []).append(place)
    merged: dict[frozenset[str], list[int]] = {}
    for names, found in by_names.items():
        merged.setdefault(frozenset(names), []).extend(found)
    for found in merged.values():
        found.sort()
        yield _names(rows[found[0]]), found


def _refers_to_itself(table: Any) -> bool:
    for key in table.foreign_key_constraints:
        try:
            if key.referred_table is table:
                return True
        except NoReferenceError:  # a table that no model of this program is for
            continue
    return False


def _names(row: Mapping[str, Any]) -> list[str]:
    return [name for name in row if name != STATE_ATTRIBUTE]


def _insert(
    session: Session,
    connection: Connection,
    table: Any,
    rows: Sequence[Row],
    learned: tuple[Column[Any], ...],
) -> Iterable[Sequence[Any]]:
    """Insert rows alike, and return what the columns of ``learned`` hold, row by row."""
    options = session.execution_options
    statement = insert(table)
    if not learned:
        connection.execute(statement, rows, execution_options=options)
        return [()] * len(rows)
    counted = table.autoincrement_column
    if connection.dialect.name == "sqlite" and counted is not None:
        return _by_number(session, connection, table, rows, learned)
    returning = statement.returning(*learned, sort_by_parameter_order=True)
    return connection.execute(returning, rows, execution_options=options).all()


def _by_number(
    session: Session,
    connection: Connection,
    table: Table,
    rows: Sequence[Row],
    learned: tuple[Column[Any], ...],
) -> Iterable[Sequence[Any]]:
    """Insert rows whose key SQLite would count up, and return the same.

    SQLite returns rows in no order that could be relied on, so that SQLAlchemy would send each by
    itself. It counts up from the key of the first row, which has locked the database for others:
    the keys of the rest are known, and what is returned is found by its key.
    """
    options = session.execution_options
    key: Any = table.autoincrement_column
    found: list[Sequence[Any]] = []
    if any(column is key for column in learned):
        returning = insert(table).returning(*learned)
        first = connection.execute(returning, rows[0], execution_options=options).one()
        start = first._mapping[key] + 1
        rows = [{**row, key.key: number} for number, row in enumerate(rows[1:], start)]
        found.append(first)
    if not rows:
        return found
    if len(learned) == 1 and found:
        connection.execute(insert(table), rows, execution_options=options)
        return [*found, *((row[key.key],) for row in rows)]
    returning = insert(table).returning(key, *learned)
    answer = connection.execute(returning, rows, execution_options=options)
    by_number = {number: rest for number, *rest in answer}
    return [*found, *(by_number[row[key.key]] for row in rows)]
