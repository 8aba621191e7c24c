"""Count the statements that a piece of code runs, at the cursors of a database's engines.

::

    with count_statements(db) as statements:
        await heroes.all()
    statements.expect(1)
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, Engine, event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession
from sqlalchemy.orm import Session as SyncSession

from colonnade.database import Database
from colonnade.mapping import format_count

__all__ = ["Countable", "Statements", "count_statements"]

Countable: TypeAlias = (
    Database | AsyncSession | SyncSession | AsyncEngine | Engine | AsyncConnection | Connection
)

#: Statements for transactions and for savepoints, where they are sent by a cursor, as on SQLite.
_OUTER: Final = re.compile(r"\s*(BEGIN|START TRANSACTION|COMMIT|ROLLBACK(?! TO))\b", re.IGNORECASE)
_INNER: Final = re.compile(r"\s*(SAVEPOINT|RELEASE|ROLLBACK TO)\b", re.IGNORECASE)


class Statements:
    """The statements seen so far, oldest first: their text, never their parameters."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    def __repr__(self) -> str:
        return f"Statements({self.statements!r})"

    @property
    def count(self) -> int:
        """The number of statements so far."""
        return len(self.statements)

    def clear(self) -> None:
        """Forget what was seen, to count from here."""
        self.statements.clear()

    def expect(self, count: int) -> None:
        """Raise ``AssertionError`` with the list of statements unless there were ``count``."""
        __tracebackhide__ = True
        if self.count != count:
            expected = format_count(count, "statement")
            raise AssertionError(f"expected {expected}, saw {self.count}{self._listed()}")

    def _listed(self) -> str:
        lines = (" ".join(statement.split()) for statement in self.statements)
        return "".join(f"\n  {number}. {line}" for number, line in enumerate(lines, start=1))


@contextmanager
def count_statements(target: Countable, *, transactions: bool = False) -> Generator[Statements]:
    """Count the statements that run on the target's engines inside the block.

    One execution counts as one, ``executemany`` too.  For a session or a connection, all of its
    engine's statements count.  ``transactions`` includes BEGIN, COMMIT, ROLLBACK and savepoints.
    For a ``Database``, inside its event loop.
    """
    seen = Statements()
    with ExitStack() as listening:
        for engine in _engines_of(target):
            for name, listener in _listeners(seen.statements, transactions):
                event.listen(engine, name, listener)
                listening.callback(event.remove, engine, name, listener)
        yield seen


def _engines_of(target: Countable) -> list[Engine]:
    match target:
        case Database():
            return [engine.sync_engine for engine in target.engines]
        case AsyncEngine():
            return [target.sync_engine]
        case AsyncSession():
            return [target.sync_session.get_bind().engine]
        case SyncSession():
            return [target.get_bind().engine]
        case AsyncConnection():
            return [target.engine.sync_engine]
        case _:
            return [target.engine]


def _listeners(texts: list[str], transactions: bool) -> Iterator[tuple[str, Any]]:
    def execute(_connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        # BEGIN, COMMIT and ROLLBACK are counted by events of their own, the same on each database.
        if not _OUTER.match(statement) and (transactions or not _INNER.match(statement)):
            texts.append(statement)

    def note(text: str, _connection: Connection) -> None:
        texts.append(text)

    yield "before_cursor_execute", execute
    if transactions:
        yield from ((name, partial(note, name.upper())) for name in ("begin", "commit", "rollback"))
