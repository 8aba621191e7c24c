"""Update one row through the unit of work, where the model or the session has a say in it.

Validators, listeners for mappers and attributes, a ``__setattr__`` of the model's own and whoever
watches the session's flushes run as they do for a new object.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, inspect, select
from sqlalchemy.orm import InstanceState
from sqlalchemy.orm.attributes import set_committed_value

from colonnade.database import Session
from colonnade.writing.back import read_back
from colonnade.writing.changes import refused_by_model

__all__ = ["edit"]

M = TypeVar("M")


async def edit(
    session: Session,
    model: type[M],
    criteria: Sequence[ColumnElement[bool]],
    changes: Mapping[str, Any],
) -> M | None:
    """Set these attributes of the one object that meets the criteria, and flush.

    Return it as it is stored, or None if no row meets them. SELECT … FOR UPDATE, so that listeners
    see the row that is changed; UPDATE; and SELECT, for what the database made of it. Raise
    ``InvalidChanges`` for a value that the model refuses with a ``ValueError``; then, and whenever
    nothing was sent, the object is as it was.
    """
    statement = select(model).where(*criteria).with_for_update(of=model)
    found = await session.scalars(statement, execution_options={"populate_existing": True})
    item = found.unique().one_or_none()
    if item is None:
        return None
    state: InstanceState[Any] = inspect(item)
    try:
        for name, value in changes.items():
            _set(model, item, name, value)
        await session.flush()
    except BaseException:
        _undo(session, state)
        raise
    await read_back(session, model, [state.identity or ()], anew=True)
    return item


def _set(model: type[Any], item: Any, name: str, value: Any) -> None:
    try:
        setattr(item, name, value)
    except ValueError as error:
        raise refused_by_model(model, error, (name,)) from error


def _undo(session: Session, state: InstanceState[Any]) -> None:
    """Give an object back what it held, unless the flush that failed has made it expire."""
    item = state.obj()
    if item is None or not state.modified:
        return
    for prop in state.mapper.column_attrs:
        before = state.attrs[prop.key].history
        if before.deleted:
            set_committed_value(item, prop.key, before.deleted[0])
        elif before.added:  # it had not been read
            session.expire(item, [prop.key])
