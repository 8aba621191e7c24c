"""Run a reader's statement on an idle connection, without SQLAlchemy's greenlet.

A checkout of SQLAlchemy's costs as much as a driver does for one row, and most of what it is
careful about is not there to be careful about: the connection that was used a moment ago is open,
young and nobody listens. Such a connection is taken as it is. Whatever else there is to do, to
connect, to ping, to recycle, to make sense of a failure, is left to SQLAlchemy.
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

#: How many listeners of a checkout and of a check-in are our own; any more are somebody else's.
_LISTENERS: Final[WeakKeyDictionary[Engine, tuple[int, int]]] = WeakKeyDictionary()


def lend_idle_connections(engine: Engine) -> None:
    """Let ``take_connection`` take from this engine, whose listeners by now are all our own.

    Raises ``RuntimeError`` if SQLAlchemy's pool is not the one that we know how to take from.
    """
    check_pool(engine)
    events = engine.pool.dispatch
    _LISTENERS[engine] = len(events.checkout), len(events.checkin)


def take_connection(engine: Engine, dialect: Dialect) -> Entry | None:
    """Return the pool's record of an idle connection, now in use; None to leave it to SQLAlchemy.

    It is as good as one that SQLAlchemy would have lent: open as far as its socket tells, used a
    moment ago, neither outdated nor invalidated. No I/O.
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
        # The event loop is ending and nobody awaits this any more: nothing can be awaited here.
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
        # A task of its own: a cancelled one would leave the pool without its connection.
        await asyncio.shield(asyncio.create_task(greenlet_spawn(check_in, entry)))
    if shortcut.read is None:
        return rows
    with CollectionPaused():
        return shortcut.read(rows)


def _raise_and_give_back(
    engine: Engine, entry: Entry, error: BaseException, text: str, values: list[Any]
) -> NoReturn:
    """Raise what SQLAlchemy would, with the connection given back or, where it is dead, ended."""
    with wrap_connection(engine, entry) as connection:
        raise_adapted(connection, error, text, values)
