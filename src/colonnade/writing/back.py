"""In charge of reading back what was just written, where the write itself did not answer with it.

A write may take a row out of scope, as a soft deletion does. Who wrote it still gets it: its own
columns, and nothing that hangs on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import inspect
from sqlalchemy.orm import lazyload, load_only

from colonnade.database import Session
from colonnade.mapping import mapping_of
from colonnade.scope import UNSCOPED, rules_of
from colonnade.spec import chunked, keyed

__all__ = ["read_back"]


async def read_back(
    session: Session, model: type[Any], keys: Sequence[tuple[Any, ...]], *, anew: bool = False
) -> list[Any]:
    """The objects with these keys, in no order, with what they lack; with ``anew`` all is read.

    One SELECT for each 10,000 of them; another one for those that a scope hides.
    """
    if not keys:
        return []
    options = {"populate_existing": True} if anew else {}
    found = await _read(session, keys, keyed(model), options)
    if len(found) < len(keys) and rules_of(mapping_of(model).table) is not None:
        shown = {inspect(item).identity for item in found}
        hidden = [key for key in keys if key not in shown]
        columns = [getattr(model, name) for name in mapping_of(model).columns]
        own = keyed(model, (load_only(*columns), lazyload("*")))
        found += await _read(session, hidden, own, {UNSCOPED: True, **options})
    return found


async def _read(
    session: Session, keys: Sequence[tuple[Any, ...]], statement: Any, options: dict[str, Any]
) -> list[Any]:
    found: list[Any] = []
    for bound in chunked(keys):
        items = await session.scalars(statement, bound, execution_options=options)
        found += items.unique().all()
    return found
