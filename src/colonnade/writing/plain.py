"""Decide whether a flush would do no more than one INSERT or UPDATE, so that it can be left out.

Events, validators, an ``__init__`` of the model's own, inheritance, SQL expressions: whatever takes
part in how an object becomes a row keeps working, because the unit of work then writes the rows.
The listeners of the library's own mixins are known; the statements do what these do in a flush.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Column, Table, inspect
from sqlalchemy.orm import Mapper
from sqlalchemy.sql.elements import ClauseElement
from sqlmodel import SQLModel

from colonnade._compat.sqlalchemy_mutable import tracks_edits
from colonnade.caches import memoized
from colonnade.mapping import mapping_of
from colonnade.models import Timestamps
from colonnade.models.mutable_json import document_attributes
from colonnade.session import Session

__all__ = ["is_plain", "is_plain_update", "returns_rows"]

#: Listeners that are always there: SQLAlchemy's for a new object, and ours for a flush.
_INIT: Final = 1
_FLUSH: Final = 1
_GAINS: Final = (
    "before_attach",
    "after_attach",
    "transient_to_pending",
    "pending_to_persistent",
)


def is_plain(session: Session, model: type[Any], rows: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether a flush of new objects with these values would do no more than an INSERT."""
    mapper: Mapper[Any] = inspect(model)
    return (
        _is_plain_class(model)
        and not _has_model_listeners(mapper)
        and not _has_session_listeners(session)
        and not any(map(_is_expression, {type(value) for row in rows for value in row.values()}))
    )


def is_plain_update(session: Session, model: type[Any], names: Iterable[str]) -> bool:
    """Return whether a flush that sets these attributes of one row would do no more than an UPDATE.

    Timestamps, versions and what tracks documents do by a statement what they do in a flush.
    """
    mapper: Mapper[Any] = inspect(model)
    events: Any = mapper.dispatch
    if len(events.before_update) or len(events.after_update) > _count_document_listeners(model):
        return False
    if not _has_plain_setattr(model) or _has_flush_listeners(session):
        return False
    return not any(
        map(_has_foreign_listener, (getattr(model, name).dispatch.set for name in names))
    )


async def returns_rows(session: Session) -> bool:
    """Return whether the database answers an INSERT of any number of rows with what it stored.

    It may begin the transaction: MySQL and MariaDB are told apart by the first connection.
    """
    if session.get_bind().dialect.insert_executemany_returning_sort_by_parameter_order:
        return True
    dialect = (await session.connection()).dialect
    return bool(dialect.insert_executemany_returning_sort_by_parameter_order)


@memoized
def _is_plain_class(model: type[Any]) -> bool:
    """Return whether objects are made as SQLModel makes them, and are rows of one table each."""
    mapper: Mapper[Any] = inspect(model)
    table = mapper.local_table
    return (
        issubclass(model, SQLModel)
        and mapper.class_manager.original_init is SQLModel.__init__
        and model.__new__ is SQLModel.__new__
        and model.__setattr__ is SQLModel.__setattr__
        and not model.__pydantic_post_init__
        and isinstance(table, Table)
        and table.implicit_returning
        and mapper.inherits is None
        and mapper.polymorphic_on is None
        and mapper.eager_defaults is not False
        and all(_is_plain_column(prop.columns, table) for prop in mapper.column_attrs)
    )


def _is_plain_column(columns: Sequence[Any], table: Table) -> bool:
    """Return whether an attribute is one column of the table, in which None is always NULL."""
    if len(columns) != 1 or not isinstance(columns[0], Column) or columns[0].table is not table:
        return False
    column = columns[0]
    filled = column.default is not None or column.server_default is not None
    # In JSON None may be the document null: a flush stores that if the attribute was set, and the
    # column's default otherwise. Such columns are left to it.
    return not (filled and column.type.should_evaluate_none)


@memoized
def _has_plain_setattr(model: type[Any]) -> bool:
    """Return whether the model leaves setting attributes to its base class."""
    usual = SQLModel.__setattr__ if issubclass(model, SQLModel) else object.__setattr__
    setter: Any = model.__setattr__
    return setter is usual


def _has_model_listeners(mapper: Mapper[Any]) -> bool:
    """Return whether anybody but the library's mixins listens for new objects or their values."""
    model = mapper.class_
    documents = document_attributes(mapper)
    events: Any = mapper.dispatch
    # Listeners are counted and not looked at: as many as the mixins add are the mixins' own.
    ours = len(events.before_insert), len(events.after_insert)
    if ours != (int(issubclass(model, Timestamps)), int(bool(documents))):
        return True
    events = mapper.class_manager.dispatch
    if len(events.init) > _INIT or len(events.refresh_flush) > len(documents):
        return True
    return any(
        len(getattr(model, name).dispatch.set) > (name in documents)
        or len(getattr(model, name).dispatch.init_scalar)
        for name in mapping_of(model).columns
    )


def _has_session_listeners(session: Session) -> bool:
    """Return whether anybody else listens for what the session flushes or gains."""
    events: Any = session.sync_session.dispatch
    return _has_flush_listeners(session) or any(len(getattr(events, name)) for name in _GAINS)


def _has_flush_listeners(session: Session) -> bool:
    events: Any = session.sync_session.dispatch
    return len(events.before_flush) > _FLUSH or bool(
        len(events.after_flush) or len(events.after_flush_postexec)
    )


def _has_foreign_listener(listeners: Any) -> bool:
    """Return whether anything but SQLAlchemy's tracking of edits listens for a new value."""
    return bool(len(listeners)) and not all(map(tracks_edits, listeners))


@memoized
def _count_document_listeners(model: type[Any]) -> int:
    """Return 1 if the library listens for updates of the model's JSON documents, else 0."""
    return int(bool(document_attributes(inspect(model))))


def _is_expression(kind: type[Any]) -> bool:
    return issubclass(kind, ClauseElement) or hasattr(kind, "__clause_element__")
