"""In charge of which new rows a flush would do nothing for but an INSERT.

Events, validators, an ``__init__`` of the model's own, inheritance, expressions of SQL: whatever
has a say in how an object becomes a row keeps it, and then the unit of work writes the rows. The
listeners of the library's own mixins are known, and what they do is done here too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Column, Table, inspect
from sqlalchemy.orm import Mapper
from sqlalchemy.sql.elements import ClauseElement
from sqlmodel import SQLModel

from colonnade.database import Session
from colonnade.mapping import mapping_of, memoized
from colonnade.models import Timestamps
from colonnade.models.mutable_json import documents_of

__all__ = ["is_plain", "returns_rows"]

#: Listeners that are always there: SQLAlchemy's for a new object, and ours for a flush.
_INIT: Final = 1
_FLUSH: Final = 1
_NEVER: Final = (
    "after_flush",
    "after_flush_postexec",
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
        and not _is_listened_to(mapper)
        and not _is_watched(session)
        and not any(map(_is_expression, {type(value) for row in rows for value in row.values()}))
    )


async def returns_rows(session: Session) -> bool:
    """Return whether the database answers an INSERT of many rows with what it stored.

    It begins the transaction: MySQL and MariaDB are told apart when the first connection is made.
    """
    dialect = (await session.connection()).dialect
    return bool(dialect.insert_executemany_returning_sort_by_parameter_order)


@memoized
def _is_plain_class(model: type[Any]) -> bool:
    """Whether objects are made as SQLModel makes them, and are rows of one table each."""
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
    """Whether an attribute is one column of the table, in which None is always NULL."""
    if len(columns) != 1 or not isinstance(columns[0], Column) or columns[0].table is not table:
        return False
    column = columns[0]
    filled = column.default is not None or column.server_default is not None
    # JSON, in which None is a document, and a flush tells the two apart by whether it was set.
    return not (filled and column.type.should_evaluate_none)


def _is_listened_to(mapper: Mapper[Any]) -> bool:
    """Whether anybody but the library's mixins is told of a new object or of its values."""
    model = mapper.class_
    documents = documents_of(mapper)
    events: Any = mapper.dispatch
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


def _is_watched(session: Session) -> bool:
    """Whether anybody else is told what the session flushes or gains."""
    events: Any = session.sync_session.dispatch
    return len(events.before_flush) > _FLUSH or any(len(getattr(events, name)) for name in _NEVER)


def _is_expression(kind: type[Any]) -> bool:
    return issubclass(kind, ClauseElement) or hasattr(kind, "__clause_element__")
