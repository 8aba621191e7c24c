"""Run a reader's statement on an idle connection, without SQLAlchemy's greenlet.

SQLAlchemy's checkout of a connection takes as long as a driver takes for one row, mostly for checks
that are not needed in the usual case: the connection was used a moment ago, is open and not
outdated, and nobody listens for the pool's events. Then it is taken from the pool as it is. In all
other cases (to connect, to ping, to recycle, to handle an error) SQLAlchemy does the work.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final, NoReturn
from weakref import WeakKeyDictionary

from sqlalchemy import Engine
from sqlalchemy.util import greenlet_spawn

from colonnade._compat.sqlalchemy_compiled import raise_adapted
from colonnade._compat.sqlalchemy_pool import (
    Entry,
    check_in,
    check_pool,
    give_back,
    is_outdated,
    put_back,
    take_idle,
    wrap_connection,
)
from colonnade.dialects.dialect import LAST_USED, PLAIN_UNIT, Dialect, watchdog_of
from colonnade.engine.rows import CollectionPaused
from colonnade.engine.shortcut import Rows, Shortcut

__all__ = ["fetch_directly", "lend_idle_connections", "take_connection"]

#: How many listeners for checkouts and for check-ins are our own; any more are somebody else's.
_LISTENERS: Final[WeakKeyDictionary[Engine, tuple[int, int]]] = WeakKeyDictionary()


def lend_idle_connections(engine: Engine) -> None:
    """Let ``take_connection`` take from this engine. Call it before others can add listeners.

    Raises ``RuntimeError`` if SQLAlchemy's pool lacks what is used here.
    """
    check_pool(engine)
    events = engine.pool.dispatch
    _LISTENERS[engine] = len(events.checkout), len(events.checkin)


def take_connection(engine: Engine, dialect: Dialect) -> Entry | None:
    """Return the pool's record of an idle connection, now in use; None to leave it to SQLAlchemy.

    It passes the checks of SQLAlchemy's own checkout: its socket is open, it was used a moment ago,
    and it is neither outdated nor invalidated. No I/O.
    """
    listeners = _LISTENERS.get(engine)
    entry = None if listeners is None else take_idle(engine, listeners[0])
    if entry is None or _is_usable(entry, dialect):
        return entry
    put_back(engine, entry)
    return None


def _is_usable(entry: Entry, dialect: Dialect) -> bool:
    settings = dialect.settings
    used = entry.info.get(LAST_USED)
    return (
        used is not None
        and time.monotonic() - used <= settings.idle_check
        and not is_outdated(entry, settings.pool_recycle)
        and dialect.is_open(entry.driver_connection)
    )


async def fetch_directly(
    engine: Engine, dialect: Dialect, entry: Entry, shortcut: Shortcut, values: list[Any]
) -> Rows:
    """Return every row of the statement over a taken connection, and give the connection back.

    One statement, within the dialect's limit. Raises what SQLAlchemy's own way would.
    """
    driver = entry.driver_connection
    watchdog, limit = watchdog_of(engine), dialect.statement_limit(PLAIN_UNIT)
    if limit is not None:
        watchdog.start(driver, limit)
    try:
        rows = await dialect.fetch(driver, shortcut.text, values)
    except GeneratorExit:
        # The coroutine is destroyed while its event loop ends, so nothing can be awaited here.
        watchdog.stop(driver)
        entry.invalidate()
        check_in(entry)
        raise
    except BaseException as error:  # noqa: BLE001 # it is raised again, as SQLAlchemy would
        watchdog.stop(driver)
        return await greenlet_spawn(
            _raise_and_give_back, engine, entry, error, shortcut.text, values
        )
    watchdog.stop(driver)
    if not give_back(engine, entry, _LISTENERS[engine][1]):
        # In a task of its own: a cancellation here would lose the connection for the pool.
        await asyncio.shield(asyncio.create_task(greenlet_spawn(check_in, entry)))
    if shortcut.read is None:
        return rows
    with CollectionPaused():
        return shortcut.read(rows)


def _raise_and_give_back(
    engine: Engine, entry: Entry, error: BaseException, text: str, values: list[Any]
) -> NoReturn:
    """Raise what SQLAlchemy would; give the connection back, or close it if it is dead."""
    with wrap_connection(engine, entry) as connection:
        raise_adapted(connection, error, text, values)
