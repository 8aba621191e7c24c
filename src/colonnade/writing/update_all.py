"""In charge of UPDATE of every row that answers to a query: one statement for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import update as updating

from colonnade.database import Session
from colonnade.mapping import Mapping as Mapped
from colonnade.mapping import mapping_of
from colonnade.spec import Spec, criterion
from colonnade.writing.held import refresh

__all__ = ["update_all"]


async def update_all(session: Session, spec: Spec, changes: Mapping[str, Any]) -> int:
    """How many rows the conditions of ``spec`` met, which have these values now.

    One UPDATE, in which what counts or dates the writes of a row does so. What the session holds of
    the model is read again, which takes one SELECT for each 10,000 objects.
    """
    mapped = mapping_of(spec.shape.model)
    values = dict(changes) | _next_version(mapped)
    await session.flush()
    apart = session.get_bind().dialect.name in ("mysql", "mariadb")
    condition, parameters = criterion(spec, apart=apart)
    statement = updating(mapped.model).where(condition).values(values)
    options = {"synchronize_session": False}
    result: Any = await session.exec(statement, params=parameters, execution_options=options)
    follow = (
        name for name, column in mapped.columns.items() if column.has_onupdate or column.computed
    )
    await refresh(session, mapped.model, {*values, *follow})
    return int(result.rowcount)


def _next_version(mapped: Mapped) -> dict[str, Any]:
    """A version that a flush counts up, and that does not count by itself, is counted here."""
    if mapped.version is None or mapped.columns[mapped.version].has_onupdate:
        return {}
    return {mapped.version: getattr(mapped.model, mapped.version) + 1}
