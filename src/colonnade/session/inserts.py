"""In charge of INSERT of many rows of one model past the unit of work.

A flush looks at every row by itself, and at what hangs on it. Rows that nobody listens for, of one
table and with plain values, need none of that: here they go to the database in as few statements as
it takes, and their objects become the session's as those of a flush do. Who calls says that a flush
would do nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy import Column, Connection, Insert, Table, event, insert
from sqlalchemy.exc import NoReferenceError
from sqlalchemy.orm import InstanceState, Mapper, Session
from sqlmodel import AutoString

from colonnade._compat.sqlalchemy_session import STATE_ATTRIBUTE, adopt_inserted
from colonnade.caches import memoized
from colonnade.capabilities import capabilities_of
from colonnade.engine import CollectionPaused
from colonnade.errors import RefusedByDatabase
from colonnade.session.sync_session import owner_of

__all__ = ["flush_returning", "insert_objects", "insert_rows", "may_differ"]

Row: TypeAlias = dict[str, Any]
State: TypeAlias = InstanceState[Any]

#: Types whose values a database stores and returns as they are given.
_EXACT: Final = (
    *(sa.Integer, sa.BigInteger, sa.SmallInteger, sa.Boolean, sa.Date, sa.Uuid, sa.LargeBinary),
    *(sa.String, sa.Text, sa.Unicode, sa.UnicodeText, sa.VARCHAR, sa.Enum, AutoString),
)


def insert_objects(session: Session, mapper: Mapper[Any], rows: Sequence[Row]) -> list[Any]:
    """Insert rows, and return their objects in the same order, with every column filled.

    A row is a mapping by attribute. Rows with values for the same columns share an INSERT for each
    thousand or so; on SQLite the first has one of its own. What the objects hold is what the
    INSERT returns, but for a deferred column with a value of its own, which may be large. Run it in
    SQLAlchemy's greenlet. Raise ``OutOfScope`` before anything is sent.
    """
    table: Any = mapper.local_table
    columns: dict[str, Any] = {prop.key: prop.columns[0] for prop in mapper.column_attrs}
    connection = session.connection()
    can = capabilities_of(connection.dialect.name)
    unchanged = len(rows) > 1 and not can.has_changing_triggers
    kept = _kept_if_unchanged(mapper) if unchanged else _kept_anywhere(mapper)
    with CollectionPaused():
        objects = [_new_object(mapper, row) for row in rows]
    states = [item.__dict__[STATE_ATTRIBUTE] for item in objects]
    owner_of(session)._scoping.check_inserted_objects(session, mapper, states)
    for names, places in _group_by_columns(table, [state.dict for state in states]):
        alike = [states[place].dict for place in places]
        pairs = [(columns[name].key, name) for name in names]
        given = [{key: values[name] for key, name in pairs} for values in alike]
        known = kept.intersection(names)
        learned = {name: column for name, column in columns.items() if name not in known}
        found = _insert_alike(session, connection, table, given, tuple(learned.values()))
        if len(found) < len(alike):
            raise RefusedByDatabase(
                f"{mapper.class_.__name__}: a trigger of the database has left out a row",
                hint="a trigger that refuses a row should raise an error that says why",
                model=mapper.class_.__name__,
            )
        with CollectionPaused():
            for values, more in zip(alike, found, strict=True):
                values.update(zip(learned, more, strict=True))
    with CollectionPaused():
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
    statement, rows = owner_of(session)._scoping.check_inserted_rows(session, insert(table), rows)
    connection = session.connection()
    for _, places in _group_by_columns(table, rows):
        alike = [rows[place] for place in places]
        connection.execute(statement, alike, execution_options=session.execution_options)


def flush_returning(session: Session, mapper: Mapper[Any]) -> None:
    """Flush; let the INSERT of a new row of the mapper return every column.

    By itself a flush asks for what the database fills in, and leaves an object with the values that
    were sent. Run it in SQLAlchemy's greenlet.
    """
    columns = [prop.columns[0] for prop in mapper.column_attrs if not prop.deferred]

    def return_all(
        _connection: Connection, statement: Any, several: Any, single: Any, _options: Any
    ) -> tuple[Any, Any, Any]:
        alone = len(several) < 2  # rows sent together have to wait for a SELECT
        if isinstance(statement, Insert) and statement.table in mapper.tables and alone:
            own = [column for column in columns if column.table is statement.table]
            # Columns that have a value are not defaults: they are returned besides.
            statement = statement.return_defaults(supplemental_cols=own)
        return statement, several, single

    connection = session.connection()
    event.listen(connection, "before_execute", return_all, retval=True)
    try:
        session.flush()
    finally:
        event.remove(connection, "before_execute", return_all)


@memoized
def may_differ(mapper: Mapper[Any]) -> bool:
    """Return whether a column's type may store another value than it was given."""
    return any(type(prop.columns[0].type) not in _EXACT for prop in mapper.column_attrs)


def _new_object(mapper: Mapper[Any], row: Mapping[str, Any]) -> Any:
    """Return a new object with these values, as one that was read: its ``__init__`` never ran."""
    item = mapper.class_manager.new_instance()
    item.__dict__.update(row)
    return item


def _group_by_columns(
    table: Any, rows: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[list[str], list[int]]]:
    """Yield the columns that rows have values for, and the places of those rows.

    The rows of a table that refers to itself stay in their order: one may need another.
    """
    places = range(len(rows))
    if _refers_to_itself(table):
        for _, run in groupby(places, lambda place: rows[place].keys() - {STATE_ATTRIBUTE}):
            found = list(run)
            yield _value_names(rows[found[0]]), found
        return
    by_names: dict[tuple[str, ...], list[int]] = {}
    for place in places:
        by_names.setdefault(tuple(rows[place]), []).append(place)
    merged: dict[frozenset[str], list[int]] = {}
    for names, found in by_names.items():
        merged.setdefault(frozenset(names), []).extend(found)
    for found in merged.values():
        found.sort()
        yield _value_names(rows[found[0]]), found


def _refers_to_itself(table: Any) -> bool:
    for key in table.foreign_key_constraints:
        try:
            if key.referred_table is table:
                return True
        except NoReferenceError:  # a table that no model of this program is for
            continue
    return False


def _value_names(row: Mapping[str, Any]) -> list[str]:
    return [name for name in row if name != STATE_ATTRIBUTE]


def _insert_alike(
    session: Session,
    connection: Connection,
    table: Any,
    rows: Sequence[Row],
    learned: tuple[Column[Any], ...],
) -> Sequence[Sequence[Any]]:
    """Insert rows alike, and return what the columns of ``learned`` hold, row by row."""
    options = session.execution_options
    statement = insert(table)
    if not learned:
        connection.execute(statement, rows, execution_options=options)
        return [()] * len(rows)
    if len(rows) == 1:
        # The statement as a flush would send it: nothing about an order to keep.
        return connection.execute(
            statement.returning(*learned), rows[0], execution_options=options
        ).all()
    known = rows[0].keys() >= {column.key for column in table.primary_key}
    sure = all(type(column.type) in _EXACT for column in table.primary_key)
    in_order = capabilities_of(connection.dialect.name).returns_in_order
    if not in_order or (known and not sure):
        return _by_key(session, connection, table, rows, learned)
    returning = statement.returning(*learned, sort_by_parameter_order=True)
    return connection.execute(returning, rows, execution_options=options).all()


def _by_key(
    session: Session,
    connection: Connection,
    table: Table,
    rows: Sequence[Row],
    learned: tuple[Column[Any], ...],
) -> Sequence[Sequence[Any]]:
    """Insert rows, and return the same; what is returned is found by its key.

    SQLite returns rows in no order that could be relied on, so that SQLAlchemy would send each by
    itself. SQLite counts up from the key of the first row, which has locked the database for
    others: the keys of the rest are known too. Elsewhere SQLAlchemy matches rows by keys as they
    were sent, and fails where a type has rewritten them.
    """
    options = session.execution_options
    keys = tuple(table.primary_key)
    unknown = [column for column in keys if column.key not in rows[0]]
    found: list[Sequence[Any]] = []
    if unknown:
        if unknown != [table.autoincrement_column]:
            returning = insert(table).returning(*learned, sort_by_parameter_order=True)
            return connection.execute(returning, rows, execution_options=options).all()
        (key,) = unknown
        returning = insert(table).returning(*learned)
        first = connection.execute(returning, rows[0], execution_options=options).one()
        start = first._mapping[key] + 1
        rows = [{**row, key.key: number} for number, row in enumerate(rows[1:], start)]
        found.append(first)
        if len(learned) == 1:
            connection.execute(insert(table), rows, execution_options=options)
            return [*found, *((row[key.key],) for row in rows)]
    returning = insert(table).returning(*keys, *learned)
    answer = connection.execute(returning, rows, execution_options=options)
    size = len(keys)
    by_key = {tuple(told[:size]): told[size:] for told in answer}
    for row in rows:
        told = by_key.get(tuple(row[column.key] for column in keys))
        if told is None:  # the row is stored under another spelling of its key
            same = [column == row[column.key] for column in keys]
            told = connection.execute(sa.select(*learned).where(*same)).one()
        found.append(told)
    return found


@memoized
def _kept_anywhere(mapper: Mapper[Any]) -> frozenset[str]:
    """Return the attributes of deferred columns: a value that a row has is not asked for again."""
    keys = set(mapper.primary_key)
    return frozenset(
        prop.key for prop in mapper.column_attrs if prop.deferred and prop.columns[0] not in keys
    )


@memoized
def _kept_if_unchanged(mapper: Mapper[Any]) -> frozenset[str]:
    """Return the same, and the attributes that are stored as they are if no trigger changes them.

    Of several rows on SQLite they are not asked for again: it has no trigger that could change
    them, and each row that it returns is a step of its cursor.
    """
    return _kept_anywhere(mapper) | frozenset(
        prop.key for prop in mapper.column_attrs if type(prop.columns[0].type) in _EXACT
    )
