"""In charge of DELETE of every row that answers to a query."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import delete as deleting
from sqlalchemy import select

from colonnade.database import Session
from colonnade.mapping import check_writable, mapping_of
from colonnade.spec import Spec, chunked, criterion, keyed
from colonnade.writing.cascades import by_orm, loading_all, without_needed
from colonnade.writing.held import let_go

__all__ = ["delete_all"]

#: Objects that are deleted together, where the ORM has to see them.
_TOGETHER: Final = 1000


async def delete_all(session: Session, spec: Spec) -> int:
    """How many rows the conditions of ``spec`` met, which are gone now.

    One DELETE, and one SELECT for each 10,000 objects of the model that the session holds. Where a
    relation cascades through the ORM, or empties the foreign keys of its children, the keys are
    read and locked, and the rows with those children are read and deleted by the unit of work,
    1,000 at a time.
    """
    model = spec.shape.model
    check_writable(model)
    await session.flush()
    apart = session.get_bind().dialect.name in ("mysql", "mariadb")
    if by_orm(model):
        return await _in_unit(session, spec)
    condition, parameters = criterion(spec, apart=apart)
    options = {"synchronize_session": False}
    result: Any = await session.exec(
        deleting(model).where(condition), params=parameters, execution_options=options
    )
    await let_go(session, model)
    return int(result.rowcount)


async def _in_unit(session: Session, spec: Spec) -> int:
    model = spec.shape.model
    key = [getattr(model, name) for name in mapping_of(model).key]
    condition, parameters = criterion(spec, apart=False)
    statement: Any = select(*key).where(condition).order_by(*key).with_for_update(of=model)
    keys = [tuple(row) for row in (await session.exec(statement, params=parameters)).all()]
    reading = keyed(model, loading_all(model)).execution_options(populate_existing=True)
    for start in range(0, len(keys), _TOGETHER):
        for bound in chunked(keys[start : start + _TOGETHER]):
            await _delete(session, (await session.scalars(reading, bound)).unique().all())
    await let_go(session, model)
    return len(keys)


async def _delete(session: Session, items: Any) -> None:
    try:
        for item in items:
            without_needed(item)
        await session.delete_all(items)
        await session.flush()
    except BaseException:
        for item in items:
            session.expire(item)
        raise
