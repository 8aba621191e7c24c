"""In charge of UPDATE of one row: from the changes alone, in one statement where there is one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, select
from sqlalchemy import update as updating

from colonnade.database import Session
from colonnade.mapping import mapping_of
from colonnade.writing.back import read_back

__all__ = ["update"]

M = TypeVar("M")


async def update(
    session: Session,
    model: type[M],
    key: tuple[Any, ...],
    changes: Mapping[str, Any],
    version: int | None,
) -> M | None:
    """The changed object, or None if no row has this key (and version).

    UPDATE … RETURNING; on MySQL and MariaDB UPDATE, then SELECT; without changes only the SELECT.
    What the session already holds of the row is refreshed.
    """
    mapped = mapping_of(model)
    criteria = _same(model, mapped.key, key)
    if version is not None and mapped.version is not None:
        criteria += _same(model, (mapped.version,), (version,))
    if not changes:
        await session.flush()
        found = await session.scalars(
            select(model).where(*criteria), execution_options={"populate_existing": True}
        )
        return found.one_or_none()
    statement = updating(model).where(*criteria).values(dict(changes))
    options = {"synchronize_session": False, "populate_existing": True}
    await session.flush()
    if session.get_bind().dialect.update_returning:
        result = await session.scalars(statement.returning(model), execution_options=options)
        return result.one_or_none()
    count: Any = await session.exec(statement, execution_options=options)
    if not count.rowcount:
        return None
    changed = await read_back(session, model, [key], anew=True)
    return changed[0] if changed else None


def _same(
    model: type[Any], names: tuple[str, ...], values: tuple[Any, ...]
) -> list[ColumnElement[bool]]:
    return [getattr(model, name) == value for name, value in zip(names, values, strict=True)]
