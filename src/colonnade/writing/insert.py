"""Insert rows and return their objects, past the unit of work where a flush would only insert them.

Such rows never were objects, so ``complete`` gives them what SQLModel and the mixins' listeners
would have given an object before its INSERT. Columns and the database fill in their own defaults.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from pydantic.fields import FieldInfo
from sqlalchemy import Table, inspect, null
from sqlalchemy.orm import InstanceState, Mapper

from colonnade.caches import memoized
from colonnade.errors import OutOfScope
from colonnade.mapping import Column as ModelColumn
from colonnade.mapping import mapping_of
from colonnade.models import Timestamps
from colonnade.models.mutable_json import track_documents
from colonnade.session import Session
from colonnade.session.inserts import (
    flush_returning,
    insert_objects,
    insert_rows,
    may_store_other_values,
)
from colonnade.writing.changes import refused_by_model
from colonnade.writing.identity_map import hold_as_stored, read_back
from colonnade.writing.plain import is_plain, returns_rows

__all__ = ["complete_rows", "insert", "insert_unseen"]

Row: TypeAlias = dict[str, Any]
M = TypeVar("M")
#: Values that can be shared by any number of rows.
_SHARED = (bool, int, float, str, bytes, type(None))


async def insert(session: Session, model: type[M], rows: Sequence[dict[str, Any]]) -> list[M]:
    """Return new objects in the order given, flushed, with every column filled.

    One INSERT for each thousand rows or so that have values for the same columns; on SQLite one
    more, for the first. Where the unit of work has to write them: one for each row on SQLite, and
    where a row has NULL in a column with a default; and where it returns no defaults, one SELECT
    for each 10,000 rows. Where the database keeps a key as another value than the one sent, such as
    a padded CHAR(n), one SELECT for each 128 rows. The rows are completed in place.
    """
    if not rows:
        return []
    if not is_plain(session, model, rows) or not await returns_rows(session):
        found = await _insert_by_unit(session, model, rows)
    else:
        found = await _insert_by_statement(session, model, rows)
    await hold_as_stored(session, model, found)
    return found


async def insert_unseen(session: Session, model: type[Any], rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows of which the session will hold no object.

    One INSERT for the rows that have values for the same columns, sent with the driver's
    ``executemany``. Where the unit of work has to write them, it does so as in ``insert``. The rows
    are completed in place.
    """
    if not rows:
        return
    if not is_plain(session, model, rows):
        await _insert_by_unit(session, model, rows)
        return
    await session.flush()
    complete_rows(model, rows)
    await session.run_sync(insert_rows, inspect(model), rows)


def complete_rows(model: type[Any], rows: Sequence[Row]) -> None:
    """Give rows the values that an object made of them would have before the INSERT, in place."""
    mapper: Mapper[Any] = inspect(model)
    version, first_version = mapping_of(model).version, mapper.version_id_generator
    dated = issubclass(model, Timestamps)
    known: dict[tuple[str, ...], _MissingValues] = {}
    for row in rows:
        names = tuple(row)
        lacking = known.get(names)
        if lacking is None:
            lacking = known[names] = _missing_values(model, names)
        is_touched = dated and "updated_at" in row
        row.update(lacking.shared)
        for name, make in lacking.made:
            value = make()
            if value is not None or name not in lacking.filled:
                row[name] = value
        if dated and not is_touched:
            row["updated_at"] = row["created_at"]
        if version is not None and first_version:
            row[version] = first_version(None)


async def _insert_by_statement(
    session: Session, model: type[M], rows: Sequence[dict[str, Any]]
) -> list[M]:
    """Insert rows that a flush would only insert, and return their objects."""
    await session.flush()
    given = [tuple(row) for row in rows]
    complete_rows(model, rows)
    found: list[Any] = await session.run_sync(insert_objects, inspect(model), rows)
    # As if Pydantic had made the object of these values: what ``complete`` added was not set.
    for item, names in zip(found, given, strict=True):
        item.model_fields_set.update(names)
    track_documents(model, found)
    return found


async def _insert_by_unit(
    session: Session, model: type[M], rows: Sequence[Mapping[str, Any]]
) -> list[M]:
    """Insert rows through the unit of work, and return their objects."""
    columns = mapping_of(model).columns
    found = [_make_object(model, _mark_nulls(row, columns)) for row in rows]
    session.add_all(found)
    mapper: Mapper[Any] = inspect(model)
    returning = await _flush_returns_row(session, mapper)
    try:
        if returning and len(found) == 1:
            await session.run_sync(flush_returning, mapper)
        else:
            await session.flush()
    except OutOfScope:
        # Refused before anything was sent: the unit goes on without them.
        for item in found:
            session.expunge(item)
        raise
    states: list[InstanceState[Any]] = [inspect(item) for item in found]
    # ``flush_returning`` has filled a single object. Others are read, where the database may have
    # stored another value than the one sent, or where a flush has left out a default.
    if len(found) > 1 if returning else may_store_other_values(mapper):
        await read_back(session, model, [_state_identity(state) for state in states], anew=True)
    else:
        lacking = [_state_identity(state) for state in states if state.expired_attributes]
        await read_back(session, model, lacking)
    return found


def _make_object(model: type[M], values: dict[str, Any]) -> M:
    """Return a new object. Raise ``InvalidChanges`` if a validator of the model refuses a value."""
    try:
        return model(**values)
    except (ValueError, AssertionError) as error:
        mapper: Mapper[Any] = inspect(model)
        fields = tuple(name for name in mapper.validators if name in values)
        raise refused_by_model(model, error, fields) from error


async def _flush_returns_row(session: Session, mapper: Mapper[Any]) -> bool:
    """Return whether a flush of one row may return all of it."""
    table = mapper.local_table
    if mapper.eager_defaults is False or not isinstance(table, Table):
        return False
    return table.implicit_returning and await returns_rows(session)


def _state_identity(state: InstanceState[Any]) -> tuple[Any, ...]:
    return state.identity or ()


def _mark_nulls(row: Mapping[str, Any], columns: Mapping[str, ModelColumn]) -> dict[str, Any]:
    """Return the row with ``null()`` for None where a column has a default.

    The ORM leaves such an attribute out if it is None, and the default would be stored in place of
    the NULL that was asked for.
    """
    return {
        name: null()
        if value is None and (columns[name].has_default or columns[name].has_server_default)
        else value
        for name, value in row.items()
    }


@dataclass(frozen=True, slots=True)
class _MissingValues:
    """Values that rows with certain attributes get in addition."""

    shared: Row
    made: tuple[tuple[str, Callable[[], Any]], ...]
    #: Attributes of ``made`` whose columns have a default of their own, which None leaves in place.
    filled: frozenset[str]


@memoized
def _missing_values(model: type[Any], names: tuple[str, ...]) -> _MissingValues:
    """Return what rows with values for these attributes get in addition."""
    shared: Row = {}
    made: list[tuple[str, Callable[[], Any]]] = []
    columns = mapping_of(model).columns
    filled = frozenset(
        name
        for name, column in columns.items()
        if column.has_default or column.has_server_default or column.computed
    )
    for name in columns.keys() - set(names):
        field: FieldInfo | None = model.model_fields.get(name)
        if field is None or field.is_required():
            if columns[name].type.should_evaluate_none:
                continue  # JSON, in which None that was set is a document
            value = None
        elif field.default_factory is not None or type(field.default) not in _SHARED:
            made.append((name, _default_maker(field)))
            continue
        else:
            value = field.default
        if value is not None or name not in filled:
            shared[name] = value
    return _MissingValues(shared, tuple(made), filled)


def _default_maker(field: FieldInfo) -> Callable[[], Any]:
    return lambda: field.get_default(call_default_factory=True)
