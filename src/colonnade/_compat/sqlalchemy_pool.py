"""Take an idle connection out of SQLAlchemy's pool without a greenlet, and give it back.

The public way is ``engine.connect()``. It may have to open a connection, so it runs in a greenlet,
and it wraps the driver's connection twice: 64 µs, as much as a driver takes to fetch one row by its
key. An idle connection needs none of that. Without these hooks every statement would go the public
way, which is correct but slower; ``check_pool`` raises, so that this does not happen unseen.
"""

from __future__ import annotations

import time
import weakref
from typing import Any, TypeAlias

from sqlalchemy import Connection, Engine
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlalchemy.pool.base import _ConnectionFairy, _ConnectionRecord
from sqlalchemy.util.queue import Empty

from colonnade._compat.changes import demand_hooks

__all__ = [
    "Entry",
    "check_pool",
    "give_back",
    "is_outdated",
    "put_back",
    "take_idle",
    "wrap_connection",
]

#: The pool's record of one connection: ``ConnectionPoolEntry`` with its private attributes.
Entry: TypeAlias = Any


def check_pool(engine: Engine) -> None:
    """Raise ``RuntimeError`` with the names of the hooks that SQLAlchemy's pool does not have."""
    queue = getattr(engine.pool, "_pool", None)
    hooks = {
        "AsyncAdaptedQueuePool": type(engine.pool) is AsyncAdaptedQueuePool,
        "QueuePool._pool": all(hasattr(queue, name) for name in ("get_nowait", "put_nowait")),
        "QueuePool._pool.full": hasattr(queue, "full"),
        "_ConnectionRecord.checkin": hasattr(_ConnectionRecord, "checkin"),
        "_ConnectionRecord._is_hard_or_soft_invalidated": hasattr(
            _ConnectionRecord, "_is_hard_or_soft_invalidated"
        ),
        "_ConnectionRecord.fairy_ref": hasattr(_ConnectionRecord, "fairy_ref"),
        "_ConnectionFairy._counter": hasattr(_ConnectionFairy, "_counter"),
    }
    demand_hooks("SQLAlchemy", "takes idle connections by", hooks)


def take_idle(engine: Engine, listeners: int) -> Entry | None:
    """Return the record of an idle connection, now in use; None if there is none.

    Also None if more than ``listeners`` functions listen for checkouts, or any for resets: they
    expect to see each use of a connection, and only the public way calls them.
    """
    pool: Any = engine.pool
    if len(pool.dispatch.checkout) > listeners or pool.dispatch.reset:
        return None
    try:
        return pool._pool.get_nowait()
    except Empty:
        return None


def is_outdated(entry: Entry, recycle: float) -> bool:
    """Return whether the pool would reconnect before it lends this connection.

    It does so if the connection is closed, was invalidated together with all others, or is older
    than ``recycle`` seconds (-1 for no limit).
    """
    if entry._is_hard_or_soft_invalidated():
        return True
    age: float = time.time() - entry.last_connect_time
    return -1 < recycle < age


def put_back(engine: Engine, entry: Entry) -> None:
    """Put back a connection from ``take_idle`` that was not used; it is the next to be taken."""
    pool: Any = engine.pool
    pool._pool.put_nowait(entry)


def give_back(engine: Engine, entry: Entry, listeners: int) -> bool:
    """Check a used connection in if that needs no I/O; return False if it may need some.

    It may if the pool is full, which then closes the connection, or if more than ``listeners``
    functions listen for check-ins. Then the caller runs ``check_in`` in a greenlet.
    """
    pool: Any = engine.pool
    if pool._pool.full() or len(pool.dispatch.checkin) > listeners:
        return False
    check_in(entry)
    return True


def check_in(entry: Entry) -> None:
    """Tell the listeners of a check-in and return the connection to its pool."""
    # The pool's own wrapper (a "fairy") was not created for this use of the connection.
    entry.checkin(_fairy_was_created=False)


def wrap_connection(engine: Engine, entry: Entry) -> Connection:
    """Return a taken connection as ``engine.connect()`` would; the caller closes it.

    SQLAlchemy's handling of errors (which of them end a connection, and which events they fire)
    needs a ``Connection``; nothing public makes one for a connection that is in use already.
    """
    fairy = _ConnectionFairy(engine.pool, entry.dbapi_connection, entry, False)
    entry.fairy_ref = weakref.ref(fairy, _ignore_death)
    fairy._counter = 1
    return Connection(engine, connection=fairy)


def _ignore_death(_reference: object) -> None:
    """Do nothing; a reference with a callback is cleared before finalizers run, as the pool's."""
