"""In charge of a reader's statement on a connection that is lent without SQLAlchemy's greenlet.

SQLAlchemy's checkout may have to connect, so it runs in a greenlet, and it wraps the connection
twice: that costs as much as the driver does for one row. A connection that is idle and needs no
attention is taken as it is. Whatever else there is to do — to connect, to ping, to recycle, to make
sense of a failure — is left to SQLAlchemy's own way.
"""

from __future__ import annotations

import time
import weakref
from typing import Any, Final, NoReturn

from sqlalchemy import Connection, Engine
from sqlalchemy.pool import QueuePool
from sqlalchemy.pool.base import _ConnectionFairy
from sqlalchemy.util import greenlet_spawn
from sqlalchemy.util.queue import Empty

from colonnade.database.dialect import PLAIN, USED, Dialect
from colonnade.database.garbage import Uncollected
from colonnade.database.shortcut import Rows, Shortcut, fail

__all__ = ["fetch_lent", "lend"]

#: Our own listeners for a checkout; more are somebody else's, who wants to be told.
_OURS: Final = 1


def lend(engine: Engine, dialect: Dialect) -> Any | None:
    """The entry of an idle connection, now in use; None where SQLAlchemy has to see to it."""
    pool: Any = engine.pool
    if type(pool).__mro__[1] is not QueuePool or len(pool.dispatch.checkout) != _OURS:
        return None
    try:
        entry: Any = pool._pool.get_nowait()
    except Empty:
        return None
    if _ready(entry, pool, dialect):
        return entry
    pool._pool.put_nowait(entry)
    return None


def _ready(entry: Any, pool: Any, dialect: Dialect) -> bool:
    used = entry.info.get(USED)
    if used is None or entry._is_hard_or_soft_invalidated():
        return False
    if time.monotonic() - used > dialect.settings.idle_check:
        return False
    if -1 < pool._recycle < time.time() - entry.starttime:
        return False
    return dialect.alive(entry.driver_connection)


async def fetch_lent(
    engine: Engine,
    entry: Any,
    dialect: Dialect,
    shortcut: Shortcut,
    values: list[Any],
) -> Rows:
    """Every row, over a lent connection, which is given back."""
    driver = entry.driver_connection
    watchdog = dialect.watchdog
    limit = dialect.limit(PLAIN)
    if limit is not None:
        watchdog.start(driver, limit)
    try:
        rows = await dialect.fetch(driver, shortcut.text, values)
    except GeneratorExit:
        # Nobody will ever await this again.
        watchdog.stop(driver)
        dialect.abort(driver)
        entry.checkin(_fairy_was_created=False)
        raise
    except BaseException as error:  # noqa: BLE001 # it is raised again, as SQLAlchemy has it
        watchdog.stop(driver)
        await greenlet_spawn(_failed, engine, entry, error, shortcut.text, values)
    watchdog.stop(driver)
    if dialect.in_transaction(driver):
        await greenlet_spawn(entry.checkin, _fairy_was_created=False)
    else:
        entry.checkin(_fairy_was_created=False)
    if shortcut.read is None:
        return rows
    with Uncollected():
        return shortcut.read(rows)


def _failed(
    engine: Engine, entry: Any, error: BaseException, text: str, values: list[Any]
) -> NoReturn:
    """Raise what SQLAlchemy would, with its own wrapping around the connection."""
    fairy = _ConnectionFairy(engine.pool, entry.dbapi_connection, entry, False)
    entry.fairy_ref = weakref.ref(fairy)
    fairy._counter = 1
    with Connection(engine, connection=fairy) as connection:
        fail(connection, error, text, values)
