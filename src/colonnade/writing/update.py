"""Update one row, or all rows of a query: by one UPDATE, or through the unit of work.

The unit of work writes where the model or the session takes part in it: validators, listeners of
mappers and attributes, a ``__setattr__`` of the model's own and listeners of the session's flushes
run as they do for a new object.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import BindParameter, ColumnElement, bindparam, inspect, select
from sqlalchemy import update as updating
from sqlalchemy.orm import InstanceState
from sqlalchemy.orm.attributes import set_committed_value

from colonnade.capabilities import capabilities_of
from colonnade.mapping import Mapping as Mapped
from colonnade.mapping import mapping_of
from colonnade.session import Session
from colonnade.spec import (
    Spec,
    build_equal,
    build_key_criteria,
    dml_condition,
    make_equal_parameter,
    remembered,
    unused_prefix,
)
from colonnade.spec.parameters import SET_VALUE, WHERE_VALUE
from colonnade.writing.changes import refused_by_model
from colonnade.writing.identity_map import read_back, refresh_columns
from colonnade.writing.plain import is_plain_update

__all__ = ["update", "update_all", "update_by_unit"]

M = TypeVar("M")


async def update(
    session: Session,
    model: type[M],
    key: tuple[Any, ...],
    changes: Mapping[str, Any],
    version: int | None,
) -> M | None:
    """Update the row and return its object, or None if no row has this key (and version).

    Runs UPDATE … RETURNING; on MySQL and MariaDB UPDATE, then SELECT; without changes only the
    SELECT. Where validators or listeners take part, and for a class hierarchy with several tables,
    the unit of work writes the row, see ``update_by_unit``. The object that the session holds of
    the row is refreshed.
    """
    mapped = mapping_of(model)
    criteria = build_key_criteria(model, key)
    if version is not None and mapped.version is not None:
        criteria.append(getattr(model, mapped.version) == version)
    if not changes:
        await session.flush()
        found = await session.scalars(
            select(model).where(*criteria), execution_options={"populate_existing": True}
        )
        return found.one_or_none()
    if mapped.storage == "hierarchy" or not is_plain_update(session, model, changes):
        await session.flush()
        return await update_by_unit(session, model, criteria, changes)
    options = {"synchronize_session": False, "populate_existing": True}
    await session.flush()
    # A cached statement with bound values, so that one text serves all rows and values.
    if session.get_bind().dialect.update_returning:
        same = dict(zip(mapped.key, key, strict=True))
        if version is not None and mapped.version is not None:
            same[mapped.version] = version
        statement = _update_returning(model, tuple(sorted(changes)), tuple(same))
        values = _prefix_parameters(model, SET_VALUE, changes) | _prefix_parameters(
            model, WHERE_VALUE, same
        )
        result = await session.scalars(statement, values, execution_options=options)
        return result.one_or_none()
    statement = updating(model).where(*criteria).values(dict(changes))
    count: Any = await session.exec(statement, execution_options=options)
    if not count.rowcount:
        return None
    changed = await read_back(session, model, [key], anew=True)
    return changed[0] if changed else None


async def update_by_unit(
    session: Session,
    model: type[M],
    criteria: Sequence[ColumnElement[bool]],
    changes: Mapping[str, Any],
) -> M | None:
    """Set these attributes of the one object that meets the criteria, and flush.

    Return the object as it is stored, or None if no row meets them. Runs SELECT … FOR UPDATE, so
    that listeners see the row that is changed; UPDATE; and SELECT, for what the database made of
    it. Raise ``RefusedByModel`` for a value that the model refuses with a ``ValueError`` or an
    ``assert``; then, and whenever nothing was sent, the object is as it was.
    """
    statement = select(model).where(*criteria).with_for_update(of=model)
    found = await session.scalars(statement, execution_options={"populate_existing": True})
    item = found.unique().one_or_none()
    if item is None:
        return None
    state: InstanceState[Any] = inspect(item)
    try:
        for name, value in changes.items():
            _set_attribute(model, item, name, value)
        await session.flush()
    except BaseException:
        _restore_attributes(session, state)
        raise
    await read_back(session, model, [state.identity or ()], anew=True)
    return item


async def update_all(session: Session, spec: Spec, changes: Mapping[str, Any]) -> int:
    """Update the rows that meet the conditions of ``spec``; return how many there were.

    Runs one UPDATE, which also increments the version and sets what changes with every write. The
    model's objects in the session are read again, with one SELECT for each 10,000.
    """
    mapped = mapping_of(spec.shape.model)
    values = dict(changes) | _next_version(mapped)
    await session.flush()
    apart = not capabilities_of(session.family).reads_written_table
    condition, parameters = dml_condition(spec, apart=apart)
    statement = updating(mapped.model).where(condition).values(values)
    options = {"synchronize_session": False}
    result: Any = await session.exec(statement, params=parameters, execution_options=options)
    # Columns that SQLAlchemy or the database sets in an UPDATE have changed too.
    follow = (
        name for name, column in mapped.columns.items() if column.has_onupdate or column.computed
    )
    await refresh_columns(session, mapped.model, {*values, *follow})
    return int(result.rowcount)


def _next_version(mapped: Mapped) -> dict[str, Any]:
    """Return the incremented version by its attribute; nothing if it counts by itself.

    A flush increments the version, but an UPDATE statement does not.
    """
    if mapped.version is None or mapped.columns[mapped.version].has_onupdate:
        return {}
    return {mapped.version: getattr(mapped.model, mapped.version) + 1}


@remembered
def _update_returning(model: type[Any], changed: tuple[str, ...], same: tuple[str, ...]) -> Any:
    """Return the UPDATE that sets the columns ``changed`` where the columns ``same`` have a value.

    Built once for each set of columns; the values are bound by ``_bound``.
    """
    prefix = unused_prefix(model, WHERE_VALUE)
    compared = [(getattr(model, name), prefix + name) for name in same]
    criteria = [
        build_equal(column, make_equal_parameter(column, name)) for column, name in compared
    ]
    values = {name: _set_parameter(model, name) for name in changed}
    return updating(model).where(*criteria).values(values).returning(model)


def _set_parameter(model: type[Any], name: str) -> BindParameter[Any]:
    kind = getattr(model, name).type
    return bindparam(unused_prefix(model, SET_VALUE) + name, type_=kind)


def _prefix_parameters(model: type[Any], prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values by the names of their bind parameters."""
    prefix = unused_prefix(model, prefix)
    return {prefix + name: value for name, value in values.items()}


def _set_attribute(model: type[Any], item: Any, name: str, value: Any) -> None:
    try:
        setattr(item, name, value)
    except (ValueError, AssertionError) as error:
        raise refused_by_model(model, error, (name,)) from error


def _restore_attributes(session: Session, state: InstanceState[Any]) -> None:
    """Restore what an object held, unless the flush that failed has made it expire."""
    item = state.obj()
    if item is None or not state.modified:
        return
    for prop in state.mapper.column_attrs:
        before = state.attrs[prop.key].history
        if before.deleted:
            set_committed_value(item, prop.key, before.deleted[0])
        elif before.added:  # it had not been read
            session.expire(item, [prop.key])
