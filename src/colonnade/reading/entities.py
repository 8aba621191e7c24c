"""Read a model's objects, count them, and test whether there are any.

A query that no row can match, such as one with ``id__in=[]``, runs no statement: see
``is_known_empty``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, inspect

from colonnade.caches import memoized
from colonnade.capabilities import capabilities_of
from colonnade.engine import PreparedSelect
from colonnade.mapping import Relation
from colonnade.reading.children import load_sorted
from colonnade.scope import require_scope_values
from colonnade.session import Session, one_reading
from colonnade.spec import (
    Shape,
    Spec,
    chunk_keys,
    has_exact_key,
    key_questions,
    loader_options,
    select_by_asked_keys,
    select_count,
    select_entities,
    select_existence,
    select_matching,
    unsorted_paths,
)
from colonnade.sql.plans import EstimatedSelect

__all__ = [
    "count_rows",
    "estimate_count",
    "has_rows",
    "is_known_empty",
    "joins_collection",
    "read_by_keys",
    "read_entities",
    "read_entities_with_keys",
]

Key: TypeAlias = tuple[Any, ...]
_JOINED: Final = frozenset({"joined", False})
#: Below this estimate rows are counted: that costs little, and small estimates are often wrong.
_LEAST_ESTIMATE: Final = 10_000


async def read_entities(session: Session, spec: Spec) -> list[Any]:
    """Return the objects that ``spec`` asks for.

    Runs one statement, and one more for each collection that is loaded.
    """
    if is_known_empty(session, spec, lambda: select_entities(spec)):
        return []
    reading = one_reading()
    result = await session.scalars(select_entities(spec), spec.parameters)
    if joins_collection(spec.shape.model, spec.shape.load):
        result = result.unique()
    found = list(result.all())
    await load_sorted(session, spec.shape, found, reading)
    return found


async def read_entities_with_keys(
    session: Session, spec: Spec
) -> tuple[list[Any], list[tuple[Any, ...]]]:
    """Return the objects of a scroll, and the values of each one's sort keys."""
    if is_known_empty(session, spec, lambda: select_entities(spec)):
        return [], []
    reading = one_reading()
    result = await session.exec(select_entities(spec), params=spec.parameters)
    if joins_collection(spec.shape.model, spec.shape.load):
        result = result.unique()
    rows = result.all()
    found = [row[0] for row in rows]
    await load_sorted(session, spec.shape, found, reading)
    return found, [tuple(row[1:]) for row in rows]


async def read_by_keys(
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
    statement = select_by_asked_keys(model, options).where(*criteria)
    found: dict[Key, Any] = {}
    reading = one_reading()
    later: Mapping[str, Any] = {}
    for bound in chunk_keys(keys):
        # The options may join what a query does not.
        items = (await session.scalars(statement, bound, execution_options=later)).unique()
        later = reading
        found |= {inspect(item).identity: item for item in items}
    await load_sorted(session, shape, list(found.values()), reading)
    answers = {key: found[key] for key in keys if key in found}
    others = [key for key in keys if key not in answers]
    # What is missing may be stored as an equal key that Python finds unequal: ask the database.
    if others and found and not has_exact_key(model):
        for question in key_questions(model, others):
            rows = await session.exec(question.statement, params=question.parameters)
            stored = question.pair(rows.all())
            answers |= {key: found[own] for key, own in stored.items() if own in found}
    return answers


async def count_rows(session: Session, spec: Spec) -> int:
    """Return the number of rows, within a limit and an offset; one statement."""
    if is_known_empty(session, spec, lambda: select_count(spec)):
        return 0
    return int(await session.scalar(select_count(spec), spec.parameters) or 0)


async def has_rows(session: Session, spec: Spec) -> bool:
    """Return whether there is a row, within a limit and an offset; one statement."""
    if is_known_empty(session, spec, lambda: select_existence(spec)):
        return False
    return await session.scalar(select_existence(spec), spec.parameters) is not None


async def estimate_count(session: Session, spec: Spec) -> int:
    """Return about how many rows match: an estimate on PostgreSQL, elsewhere the exact count.

    Runs one statement; on PostgreSQL a second one, which counts, if the planner expects fewer than
    10,000 rows.
    """
    if is_known_empty(session, spec, lambda: select_matching(spec)):
        return 0
    if capabilities_of(session.family).estimates_rows:
        told = await session.scalar(EstimatedSelect(select_matching(spec)), spec.parameters)
        plans = json.loads(told) if isinstance(told, str) else told
        rows = int(plans[0]["Plan"]["Plan Rows"])
        if rows >= _LEAST_ESTIMATE:
            return rows
    return await count_rows(session, spec)


def is_known_empty(session: Session, spec: Spec, build: Callable[[], Any]) -> bool:
    """Return whether the statement that ``build`` makes is known to find nothing.

    Returns False for a session that is closed or in use, so that the statement runs and raises its
    error. Raises ``ScopeUnbound`` as the statement would.
    """
    if not spec.finds_nothing or session.closed or session.busy:
        return False
    if not session.scope.complete:
        statement = build()
        plain = statement.statement if isinstance(statement, PreparedSelect) else statement
        require_scope_values(plain, session.scope)
    return True


def joins_collection(model: type[Any], load: tuple[tuple[Relation, ...], ...] = ()) -> bool:
    """Return whether a SELECT of the model, with these relations loaded, joins a collection."""
    joined = (
        step.target for path in load for step in takewhile(lambda one: not one.multiplies, path)
    )
    return any(_model_joins_collection(target) for target in (model, *joined))


@memoized
def _model_joins_collection(model: type[Any]) -> bool:
    """Return whether the model joins a collection by itself, or an object that does."""
    waiting: list[Any] = [*inspect(model).self_and_descendants]
    seen: set[Any] = set()
    while waiting:
        mapper = waiting.pop()
        if mapper in seen:
            continue
        seen.add(mapper)
        for relation in mapper.relationships:
            if relation.lazy in _JOINED:
                if relation.uselist:
                    return True
                waiting += relation.mapper.self_and_descendants
    return False
