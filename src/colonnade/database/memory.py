"""In charge of what an engine and its connections keep of statements: so many, long ones fewer.

SQLAlchemy counts statements, whatever they hold. A client's conditions can make one a thousand
times as large as another.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Engine, event

from colonnade.mapping import BoundedCache
from colonnade.scope import KEPT, compiled_cache, text_weight

__all__ = ["LONGEST", "PREPARED", "bound_compiled", "bound_prepared"]

#: Statements that a connection of PostgreSQL keeps prepared: as many as an engine keeps compiled.
#: Each takes some 40 KB of the server's memory where it has run, and 0.25 ms to prepare again.
PREPARED: Final = KEPT
#: Letters that a statement may have to be kept prepared. The longest are a schema's of many
#: columns; those of a client's many conditions are not asked twice.
LONGEST: Final = 64 * 1024


def bound_compiled(engine: Engine) -> None:
    """Keep the statements that an engine compiled by their length, and not by their number.

    Tried first: ``query_cache_size`` of ``create_engine``, which counts, and the public option
    ``compiled_cache``, which each connection would show as a wish of the user's.
    """
    engine._compiled_cache = compiled_cache()


def bound_prepared(engine: Engine) -> None:
    """The same for the statements that SQLAlchemy has asyncpg prepare on each connection.

    Tried first: ``prepared_statement_cache_size``, which counts. It is still the limit.
    """

    @event.listens_for(engine, "connect")
    def _bound(adapted: Any, _record: Any) -> None:
        counted = adapted._prepared_statement_cache
        if counted is not None:
            adapted._prepared_statement_cache = _prepared_cache(counted.capacity)


def _prepared_cache(size: int) -> BoundedCache[str, Any]:
    heaviest = min(size, text_weight(" " * LONGEST))
    return BoundedCache(size, heaviest, lambda text, _prepared: text_weight(text))
