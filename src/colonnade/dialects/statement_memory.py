"""Limit the statements that an engine and its connections keep, by their length.

SQLAlchemy limits their number only, and the conditions of a client can make one statement a
thousand times as long as another.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Engine, event

from colonnade._compat.sqlalchemy_asyncpg import bound_prepared_cache
from colonnade._compat.sqlalchemy_compiled import set_compiled_cache
from colonnade.caches import STATEMENTS_KEPT, BoundedCache, make_compiled_cache, weigh_text

__all__ = ["LONGEST_PREPARED", "MOST_PREPARED", "limit_compiled", "limit_prepared"]

#: The number of statements that a connection of PostgreSQL keeps prepared, as many as an engine
#: keeps compiled. Each takes some 40 KB of the server's memory once it has run, and 0.25 ms to
#: prepare again.
MOST_PREPARED: Final = STATEMENTS_KEPT
#: The most characters of a statement that is kept prepared. Schemas of many columns stay below it;
#: a statement with a client's many conditions does not, and seldom runs twice.
LONGEST_PREPARED: Final = 64 * 1024


def limit_compiled(engine: Engine) -> None:
    """Keep the statements that an engine compiled by their length, and not by their number."""
    set_compiled_cache(engine, make_compiled_cache())


def limit_prepared(engine: Engine) -> None:
    """Do the same for the statements that SQLAlchemy has asyncpg prepare on each connection."""

    @event.listens_for(engine, "connect")
    def _bound(adapted: Any, _record: Any) -> None:
        bound_prepared_cache(adapted, _prepared_cache)


def _prepared_cache(size: int) -> BoundedCache[str, Any]:
    heaviest = min(size, weigh_text(" " * LONGEST_PREPARED))
    return BoundedCache(size, heaviest, lambda text, _prepared: weigh_text(text))
