"""Reach the parts of asyncpg's connection that have private names only."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

__all__ = ["asyncpg_transport_of", "bound_prepared_cache", "send_many", "terminate_of"]


def bound_prepared_cache(adapted: Any, make: Callable[[int], Any]) -> None:
    """Replace a connection's cache of prepared statements by ``make(size)``, if it has one.

    Tried first: ``prepared_statement_cache_size``, which limits the number of statements whatever
    their length. It still gives the ``size``.
    """
    counted = adapted._prepared_statement_cache
    if counted is not None:
        adapted._prepared_statement_cache = make(counted.capacity)


def send_many(cursor: Any, statement: str, parameters: Any) -> Coroutine[Any, Any, None]:
    """Return the coroutine by which SQLAlchemy's cursor sends many rows, not yet awaited.

    The public ``cursor.executemany`` awaits it inside, where a cancellation would wait for the last
    row.
    """
    sending: Coroutine[Any, Any, None] = cursor._executemany(statement, parameters)
    return sending


def terminate_of(cursor: Any) -> Callable[[], None]:
    """Return the function that closes the connection of SQLAlchemy's cursor without waiting."""
    terminate: Callable[[], None] = cursor._connection.terminate
    return terminate


def asyncpg_transport_of(driver: Any) -> Any:
    """Return the transport of asyncpg's connection, to close it when its event loop is closed."""
    return driver._transport
