"""Insert many rows of one model without a flush.

A flush handles every object by itself, with its relations and events. Rows of one table with plain
values, for which nobody listens, need none of that. Here they are inserted in as few statements as
possible, and their objects become the session's as after a flush. The caller has to know that a
flush would do nothing else.
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
from colonnade.driver_errors.translate import left_out_error
from colonnade.engine import CollectionPaused
from colonnade.session.sync_session import owner_of

__all__ = ["flush_returning", "insert_objects", "insert_rows", "may_store_other_values"]

Row: TypeAlias = dict[str, Any]
State: TypeAlias = InstanceState[Any]

#: Types of which every database stores and returns values as they were given.
_EXACT: Final = (
    *(sa.Integer, sa.BigInteger, sa.SmallInteger, sa.Boolean, sa.Date, sa.Uuid, sa.LargeBinary),
    *(sa.String, sa.Text, sa.Unicode, sa.UnicodeText, sa.VARCHAR, sa.Enum, AutoString),
)


def insert_objects(session: Session, mapper: Mapper[Any], rows: Sequence[Row]) -> list[Any]:
    """Insert rows, and return their objects in the same order, with every column filled.

    A row is a mapping by attribute. Rows with values for the same columns share an INSERT for each
    thousand or so; on SQLite the first row has one of its own. The objects hold what the INSERT
    returned, except for given values of deferred columns, which may be large and are not read
    back. Run it in SQLAlchemy's greenlet. Raise ``OutOfScope`` before anything is sent.
    """
    table: Any = mapper.local_table
    columns: dict[str, Any] = {prop.key: prop.columns[0] for prop in mapper.column_attrs}
    connection = session.connection()
    can = capabilities_of(connection.dialect.name)
    unchanged = len(rows) > 1 and not can.has_changing_triggers
    kept = _kept_if_unchanged(mapper) if unchanged else _find_deferred(mapper)
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
            raise left_out_error(mapper.class_.__name__)
        with CollectionPaused():
            for values, more in zip(alike, found, strict=True):
                values.update(zip(learned, more, strict=True))
    with CollectionPaused():
        adopt_inserted(session, states)
    return objects


def insert_rows(session: Session, mapper: Mapper[Any], rows: Sequence[Row]) -> None:
    """Insert rows without reading anything back; the session holds no objects of them.

    One statement for the rows with values for the same columns, sent with ``executemany``. Run it
    in SQLAlchemy's greenlet. Raise ``OutOfScope`` before anything is sent, and
    ``RefusedByDatabase`` where the driver counts fewer rows than were sent; asyncpg counts none.
    """
    table: Any = mapper.local_table
    keys = {prop.key: prop.columns[0].key for prop in mapper.column_attrs}
    if any(name != key for name, key in keys.items()):
        rows = [{keys[name]: value for name, value in row.items()} for row in rows]
    statement, rows = owner_of(session)._scoping.check_inserted_rows(session, insert(table), rows)
    connection = session.connection()
    for _, places in _group_by_columns(table, rows):
        alike = [rows[place] for place in places]
        result = connection.execute(statement, alike, execution_options=session.execution_options)
        if 0 <= result.rowcount < len(alike):
            raise left_out_error(mapper.class_.__name__)


def flush_returning(session: Session, mapper: Mapper[Any]) -> None:
    """Flush so that the INSERT of a new row of the mapper returns every column.

    A plain flush only reads back the columns that the database fills in; other attributes keep the
    values that were sent, which the database may have stored otherwise. Run it in SQLAlchemy's
    greenlet.
    """
    columns = [prop.columns[0] for prop in mapper.column_attrs if not prop.deferred]

    def return_all(
        _connection: Connection, statement: Any, several: Any, single: Any, _options: Any
    ) -> tuple[Any, Any, Any]:
        # Several rows share an INSERT; the caller reads them back by a SELECT.
        alone = len(several) < 2
        if isinstance(statement, Insert) and statement.table in mapper.tables and alone:
            own = [column for column in columns if column.table is statement.table]
            # ``return_defaults`` itself returns only columns without a value.
            statement = statement.return_defaults(supplemental_cols=own)
        return statement, several, single

    connection = session.connection()
    event.listen(connection, "before_execute", return_all, retval=True)
    try:
        session.flush()
    finally:
        event.remove(connection, "before_execute", return_all)


@memoized
def may_store_other_values(mapper: Mapper[Any]) -> bool:
    """Return whether a column's type may store another value than it was given."""
    return any(type(prop.columns[0].type) not in _EXACT for prop in mapper.column_attrs)


def _new_object(mapper: Mapper[Any], row: Mapping[str, Any]) -> Any:
    """Return a new object with these values; like one that was read it runs no ``__init__``."""
    item = mapper.class_manager.new_instance()
    item.__dict__.update(row)
    return item


def _group_by_columns(
    table: Any, rows: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[list[str], list[int]]]:
    """Yield the columns that rows have values for, and the indexes of those rows.

    Rows of a table that refers to itself stay in their order, since one may refer to an earlier.
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
    """Return whether the table has a foreign key to itself."""
    for key in table.foreign_key_constraints:
        try:
            if key.referred_table is table:
                return True
        except NoReferenceError:  # to a table that is not in the metadata
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
    """Insert rows with values for the same columns; return the ``learned`` columns row by row."""
    options = session.execution_options
    statement = insert(table)
    if not learned:
        count = connection.execute(statement, rows, execution_options=options).rowcount
        return [()] * (len(rows) if count < 0 else count)
    if len(rows) == 1:
        # The same statement as a flush sends, so that it is compiled once; one row has no order.
        return connection.execute(
            statement.returning(*learned), rows[0], execution_options=options
        ).all()
    known = rows[0].keys() >= {column.key for column in table.primary_key}
    # Given keys of other types may come back changed, and SQLAlchemy would not match the rows.
    sure = all(type(column.type) in _EXACT for column in table.primary_key)
    in_order = capabilities_of(connection.dialect.name).returns_in_order
    if not in_order or (known and not sure):
        return _insert_by_key(session, connection, table, rows, learned)
    returning = statement.returning(*learned, sort_by_parameter_order=True)
    return connection.execute(returning, rows, execution_options=options).all()


def _insert_by_key(
    session: Session,
    connection: Connection,
    table: Table,
    rows: Sequence[Row],
    learned: tuple[Column[Any], ...],
) -> Sequence[Sequence[Any]]:
    """Insert rows as ``_insert_alike`` does, less those that a trigger leaves out.

    The returned rows are found by their primary keys.

    SQLite returns rows in no defined order, so SQLAlchemy would send each row by itself. Here the
    first row is inserted alone. SQLite then counts up from its key, and no other writer can take a
    key in between, so the keys of the other rows are known. On other databases SQLAlchemy matches
    returned rows by their keys as they were sent, which fails if a type changes them.
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
        first = connection.execute(returning, rows[0], execution_options=options).one_or_none()
        if first is None:
            return []
        start = first._mapping[key] + 1
        rows = [{**row, key.key: number} for number, row in enumerate(rows[1:], start)]
        found.append(first)
        if len(learned) == 1:  # only the key is to be read back, and it is known now
            count = connection.execute(insert(table), rows, execution_options=options).rowcount
            kept = rows if count < 0 else rows[:count]
            return [*found, *((row[key.key],) for row in kept)]
    returning = insert(table).returning(*keys, *learned)
    answer = connection.execute(returning, rows, execution_options=options)
    size = len(keys)
    by_key = {tuple(told[:size]): told[size:] for told in answer}
    if len(by_key) < len(rows):
        return [*found, *by_key.values()]
    for row in rows:
        told = by_key.get(tuple(row[column.key] for column in keys))
        if told is None:  # the key was stored in another spelling, such as one of CITEXT
            same = [column == row[column.key] for column in keys]
            told = connection.execute(sa.select(*learned).where(*same)).one()
        found.append(told)
    return found


@memoized
def _find_deferred(mapper: Mapper[Any]) -> frozenset[str]:
    """Return the attributes of deferred columns: their given values need not be read back."""
    keys = set(mapper.primary_key)
    return frozenset(
        prop.key for prop in mapper.column_attrs if prop.deferred and prop.columns[0] not in keys
    )


@memoized
def _kept_if_unchanged(mapper: Mapper[Any]) -> frozenset[str]:
    """Return the same and the attributes of exact types, for a database whose triggers change none.

    For several rows on SQLite: its RETURNING shows no change made by a trigger, and each returned
    row costs time.
    """
    return _find_deferred(mapper) | frozenset(
        prop.key for prop in mapper.column_attrs if type(prop.columns[0].type) in _EXACT
    )
