"""In charge of UPDATE of one row: from the changes alone, in one statement where there is one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, bindparam, select
from sqlalchemy import update as updating

from colonnade.database import Session
from colonnade.mapping import mapping_of, memoized
from colonnade.writing.back import read_back

__all__ = ["update"]

M = TypeVar("M")

#: What the names of values begin with: what is set, and what is asked for.
_SET: Final = "set_"
_IS: Final = "is_"


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
    options = {"synchronize_session": False, "populate_existing": True}
    await session.flush()
    if session.get_bind().dialect.update_returning:
        checked = version is not None and mapped.version is not None
        values = {f"{_SET}{name}": value for name, value in changes.items()}
        values |= {f"{_IS}{name}": value for name, value in zip(mapped.key, key, strict=True)}
        if checked:
            values[f"{_IS}{mapped.version}"] = version
        statement = _returning(model, tuple(changes), checked)
        result = await session.scalars(statement, values, execution_options=options)
        return result.one_or_none()
    statement = updating(model).where(*criteria).values(dict(changes))
    count: Any = await session.exec(statement, execution_options=options)
    if not count.rowcount:
        return None
    changed = await read_back(session, model, [key], anew=True)
    return changed[0] if changed else None


@memoized
def _returning(model: type[Any], names: tuple[str, ...], checked: bool) -> Any:
    """UPDATE of these columns by the key, and by the version if it is ``checked``."""
    mapped = mapping_of(model)
    same = (*mapped.key, *((mapped.version,) if checked and mapped.version else ()))
    criteria = [getattr(model, name) == bindparam(f"{_IS}{name}") for name in same]
    columns = {name: bindparam(f"{_SET}{name}", type_=getattr(model, name).type) for name in names}
    return updating(model).where(*criteria).values(columns).returning(model)


def _same(
    model: type[Any], names: tuple[str, ...], values: tuple[Any, ...]
) -> list[ColumnElement[bool]]:
    return [getattr(model, name) == value for name, value in zip(names, values, strict=True)]
