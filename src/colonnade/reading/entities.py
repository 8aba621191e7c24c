"""In charge of reading entities: the model's own objects, with the relations asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement

from colonnade.database import Session
from colonnade.loading import loader_options
from colonnade.reading.emptiness import is_known_empty
from colonnade.reading.joins import repeats_rows
from colonnade.reading.sorted import load_sorted
from colonnade.spec import (
    Shape,
    Spec,
    chunked,
    counting,
    entities,
    existing,
    keyed,
    unsorted_paths,
)

__all__ = ["by_keys", "count", "exists", "fetch", "fetch_placed"]


async def fetch(session: Session, spec: Spec) -> list[Any]:
    """The objects that ``spec`` asks for; one statement, one more for each collection loaded."""
    if is_known_empty(session, spec, lambda: entities(spec)):
        return []
    result = await session.scalars(entities(spec), spec.parameters)
    if repeats_rows(spec.shape.model, spec.shape.load):
        result = result.unique()
    found = list(result.all())
    await load_sorted(session, spec.shape, found)
    return found


async def fetch_placed(session: Session, spec: Spec) -> tuple[list[Any], list[tuple[Any, ...]]]:
    """The objects of a scroll, and each one's keys in its order."""
    if is_known_empty(session, spec, lambda: entities(spec)):
        return [], []
    result = await session.exec(entities(spec), params=spec.parameters)
    if repeats_rows(spec.shape.model, spec.shape.load):
        result = result.unique()
    rows = result.all()
    found = [row[0] for row in rows]
    await load_sorted(session, spec.shape, found)
    return found, [tuple(row[1:]) for row in rows]


async def count(session: Session, spec: Spec) -> int:
    """How many rows there are, of those that a limit and an offset leave; one statement."""
    if is_known_empty(session, spec, lambda: counting(spec)):
        return 0
    return int(await session.scalar(counting(spec), spec.parameters) or 0)


async def exists(session: Session, spec: Spec) -> bool:
    """Whether there is a row, among those that a limit and an offset leave; one statement."""
    if is_known_empty(session, spec, lambda: existing(spec)):
        return False
    return await session.scalar(existing(spec), spec.parameters) is not None


async def by_keys(
    session: Session,
    shape: Shape,
    keys: Sequence[tuple[Any, ...]],
    criteria: Sequence[ColumnElement[bool]] = (),
) -> list[Any]:
    """The objects with these keys and what ``shape`` loads, in no order.

    One statement for each 10,000 of them, and what loading takes.
    """
    options = loader_options(shape.model, unsorted_paths(shape.load, shape.sorted))
    statement = keyed(shape.model, options).where(*criteria)
    found: list[Any] = []
    for bound in chunked(keys):
        # The options may join what a query does not.
        found += (await session.scalars(statement, bound)).unique().all()
    await load_sorted(session, shape, found)
    return found
