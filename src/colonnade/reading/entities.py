"""In charge of reading entities: the model's own objects, with the relations asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, tuple_
from sqlalchemy.orm.interfaces import ORMOption
from sqlmodel import select

from colonnade.database import Session
from colonnade.mapping import mapping_of
from colonnade.spec import Spec, counting, entities, existing

__all__ = ["by_keys", "count", "exists", "fetch"]


async def fetch(session: Session, spec: Spec) -> list[Any]:
    """The objects that ``spec`` asks for; one statement, one more for each collection loaded."""
    result = await session.scalars(entities(spec), spec.parameters)
    return list(result.all())


async def count(session: Session, spec: Spec) -> int:
    """How many rows there are; one statement."""
    return int(await session.scalar(counting(spec), spec.parameters) or 0)


async def exists(session: Session, spec: Spec) -> bool:
    """Whether there is a row; one statement."""
    return await session.scalar(existing(spec), spec.parameters) is not None


async def by_keys(
    session: Session,
    model: type[Any],
    keys: Sequence[tuple[Any, ...]],
    options: tuple[ORMOption, ...],
) -> list[Any]:
    """The objects with these keys, in no order; one statement for each 10,000 keys."""
    columns = [getattr(model, name) for name in mapping_of(model).key]
    key: Any = columns[0] if len(columns) == 1 else tuple_(*columns)
    statement = select(model).where(key.in_(bindparam("keys", expanding=True))).options(*options)
    found: list[Any] = []
    for start in range(0, len(keys), 10_000):
        chunk = keys[start : start + 10_000]
        bound = [item[0] for item in chunk] if len(columns) == 1 else list(chunk)
        found += (await session.scalars(statement, {"keys": bound})).all()
    return found
