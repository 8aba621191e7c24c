"""Reach asyncpg's connection where SQLAlchemy or asyncpg have it under private names."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

__all__ = ["bound_prepared_cache", "send_many", "terminate_of", "transport_of"]


def bound_prepared_cache(adapted: Any, make: Callable[[int], Any]) -> None:
    """Have a connection keep its prepared statements in ``make(size)``, if it keeps any.

    Tried first: ``prepared_statement_cache_size``, which counts statements whatever their length.
    It is still the size.
    """
    counted = adapted._prepared_statement_cache
    if counted is not None:
        adapted._prepared_statement_cache = make(counted.capacity)


def send_many(cursor: Any, statement: str, parameters: Any) -> Coroutine[Any, Any, None]:
    """Return the sending of many rows by a cursor of SQLAlchemy's, not yet awaited.

    ``cursor.executemany`` awaits it out of reach: a cancellation would wait for the last row.
    """
    sending: Coroutine[Any, Any, None] = cursor._executemany(statement, parameters)
    return sending


def terminate_of(cursor: Any) -> Callable[[], None]:
    """Return what ends the connection of a cursor of SQLAlchemy's, without waiting."""
    terminate: Callable[[], None] = cursor._connection.terminate
    return terminate


def transport_of(driver: Any) -> Any:
    """Return the transport of asyncpg's connection; ``terminate`` needs an event loop that runs."""
    return driver._transport
