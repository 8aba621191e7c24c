"""In charge of reading entities: the model's own objects, with the relations asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, inspect

from colonnade.database import Session
from colonnade.loading import loader_options
from colonnade.reading.emptiness import is_known_empty
from colonnade.reading.joins import repeats_rows
from colonnade.reading.sorted import load_sorted
from colonnade.spec import (
    Shape,
    Spec,
    asked,
    chunked,
    counting,
    entities,
    existing,
    key_questions,
    names_itself,
    unsorted_paths,
)

__all__ = ["by_keys", "count", "exists", "fetch", "fetch_placed"]

Key: TypeAlias = tuple[Any, ...]


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
    keys: Sequence[Key],
    criteria: Sequence[ColumnElement[bool]] = (),
) -> dict[Key, Any]:
    """Return the objects with these keys and what ``shape`` loads, by the keys that were asked for.

    One statement for each 10,000 of them, and what loading takes. Where the database finds keys
    equal that are not equal in Python, one more for each 128 keys that are spelled otherwise than
    the row has them.
    """
    model = shape.model
    options = loader_options(model, unsorted_paths(shape.load, shape.sorted))
    statement = asked(model, options).where(*criteria)
    found: dict[Key, Any] = {}
    for bound in chunked(keys):
        # The options may join what a query does not.
        items = (await session.scalars(statement, bound)).unique()
        found |= {inspect(item).identity: item for item in items}
    await load_sorted(session, shape, list(found.values()))
    answers = {key: found[key] for key in keys if key in found}
    others = [key for key in keys if key not in answers]
    if others and found and not names_itself(model):
        for question in key_questions(model, others):
            rows = await session.exec(question.statement, params=question.parameters)
            stored = question.pair(rows.all())
            answers |= {key: found[own] for key, own in stored.items() if own in found}
    return answers
