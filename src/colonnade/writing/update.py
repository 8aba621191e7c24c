"""In charge of UPDATE of one row: from the changes alone, in one statement where there is one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from sqlalchemy import BindParameter, bindparam, select
from sqlalchemy import update as updating

from colonnade.database import Session
from colonnade.mapping import mapping_of
from colonnade.spec import equal, equal_parameter, is_key, remembered, unused_prefix
from colonnade.writing.back import read_back
from colonnade.writing.edit import edit
from colonnade.writing.plain import is_plain_update

__all__ = ["update"]

M = TypeVar("M")

#: What the names of values begin with: those that are set, and those that say which row.
_SET: Final = "set_"
_WHERE: Final = "where_"


async def update(
    session: Session,
    model: type[M],
    key: tuple[Any, ...],
    changes: Mapping[str, Any],
    version: int | None,
) -> M | None:
    """The changed object, or None if no row has this key (and version).

    UPDATE … RETURNING; on MySQL and MariaDB UPDATE, then SELECT; without changes only the SELECT.
    Where validators or listeners have a say, and for a class hierarchy with several tables, the
    unit of work writes the row, see ``edit``.
    What the session already holds of the row is refreshed.
    """
    mapped = mapping_of(model)
    criteria = is_key(model, key)
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
        return await edit(session, model, criteria, changes)
    options = {"synchronize_session": False, "populate_existing": True}
    await session.flush()
    if session.get_bind().dialect.update_returning:
        same = dict(zip(mapped.key, key, strict=True))
        if version is not None and mapped.version is not None:
            same[mapped.version] = version
        statement = _update_returning(model, tuple(sorted(changes)), tuple(same))
        values = _bound(model, _SET, changes) | _bound(model, _WHERE, same)
        result = await session.scalars(statement, values, execution_options=options)
        return result.one_or_none()
    statement = updating(model).where(*criteria).values(dict(changes))
    count: Any = await session.exec(statement, execution_options=options)
    if not count.rowcount:
        return None
    changed = await read_back(session, model, [key], anew=True)
    return changed[0] if changed else None


@remembered
def _update_returning(model: type[Any], changed: tuple[str, ...], same: tuple[str, ...]) -> Any:
    """Return the UPDATE that sets the columns ``changed`` where the columns ``same`` have a value.

    Built once for each set of columns; the values are bound by ``_bound``.
    """
    prefix = unused_prefix(model, _WHERE)
    compared = [(getattr(model, name), prefix + name) for name in same]
    criteria = [equal(column, equal_parameter(column, name)) for column, name in compared]
    values = {name: _parameter(model, name) for name in changed}
    return updating(model).where(*criteria).values(values).returning(model)


def _parameter(model: type[Any], name: str) -> BindParameter[Any]:
    kind = getattr(model, name).type
    return bindparam(unused_prefix(model, _SET) + name, type_=kind)


def _bound(model: type[Any], prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    prefix = unused_prefix(model, prefix)
    return {prefix + name: value for name, value in values.items()}
