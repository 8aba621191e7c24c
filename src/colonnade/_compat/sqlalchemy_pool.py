"""Take an idle connection out of SQLAlchemy's pool without a greenlet, and give it back.

The public way is ``engine.connect()``. It may have to open a connection, so it runs in a greenlet,
and it wraps the driver's connection twice: 64 µs, as much as a driver takes to fetch one row by its
key. An idle connection needs none of that. Without these hooks every statement goes the public
way, which is right and slower; ``check_pool`` says so loudly instead of letting it happen unseen.
"""

from __future__ import annotations

import time
import weakref
from typing import Any, TypeAlias

from sqlalchemy import Connection, Engine
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlalchemy.pool.base import _ConnectionFairy, _ConnectionRecord
from sqlalchemy.util.queue import Empty

from colonnade._compat.changes import demand

__all__ = [
    "Entry",
    "check_pool",
    "give_back",
    "is_outdated",
    "put_back",
    "take_idle",
    "wrap_connection",
]

#: The pool's record of one connection, ``ConnectionPoolEntry`` in public, with what is private.
Entry: TypeAlias = Any


def check_pool(engine: Engine) -> None:
    """Raise ``RuntimeError`` naming the hook if this SQLAlchemy's pool is not the one we know."""
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
    demand("SQLAlchemy", "takes idle connections by", hooks)


def take_idle(engine: Engine, listeners: int) -> Entry | None:
    """Return the record of an idle connection, now in use; None if there is none.

    None too where the pool tells more than ``listeners`` of a checkout, or anybody of a reset:
    these want to see each use of a connection, which the public way shows them.
    """
    pool: Any = engine.pool
    if len(pool.dispatch.checkout) > listeners or pool.dispatch.reset:
        return None
    try:
        return pool._pool.get_nowait()
    except Empty:
        return None


def is_outdated(entry: Entry, recycle: float) -> bool:
    """Return whether the pool would open this connection anew before it lends it.

    It does so for a connection that is closed, that was invalidated together with all others, or
    that is older than ``recycle`` seconds (-1 for any age).
    """
    if entry._is_hard_or_soft_invalidated():
        return True
    age: float = time.time() - entry.last_connect_time
    return -1 < recycle < age


def put_back(engine: Engine, entry: Entry) -> None:
    """Return an unused connection to where ``take_idle`` found it; it is the next to be taken."""
    pool: Any = engine.pool
    pool._pool.put_nowait(entry)


def give_back(engine: Engine, entry: Entry, listeners: int) -> bool:
    """Check a used connection in, if that takes no I/O; return False if it may take some.

    What may: a pool that has filled up in the meantime closes the connection, and more than
    ``listeners`` of a check-in may do anything. Then run ``entry.checkin`` in a greenlet.
    """
    pool: Any = engine.pool
    if pool._pool.full() or len(pool.dispatch.checkin) > listeners:
        return False
    check_in(entry)
    return True


def check_in(entry: Entry) -> None:
    """Tell the listeners of a check-in and return the connection to its pool."""
    # There is no wrapper of the pool's around the connection that would have to be ended.
    entry.checkin(_fairy_was_created=False)


def wrap_connection(engine: Engine, entry: Entry) -> Connection:
    """Return a taken connection as ``engine.connect()`` would have it, to be closed by the caller.

    What SQLAlchemy knows of errors, which of them end a connection and whom to tell, hangs on its
    ``Connection``; nothing public makes one around a connection that is in use already.
    """
    fairy = _ConnectionFairy(engine.pool, entry.dbapi_connection, entry, False)
    entry.fairy_ref = weakref.ref(fairy, _ignore_death)
    fairy._counter = 1
    return Connection(engine, connection=fairy)


def _ignore_death(_reference: object) -> None:
    """Do nothing; a reference with a callback is cleared before finalizers run, as the pool's."""
