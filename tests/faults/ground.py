"""What the fault tests stand on: a table, a unit of work, and a witness that is not ours.

The witness asks the server itself, over connections of its own, what is stored, who is connected
and which transactions are open: what the library says of itself proves nothing.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from sqlalchemy import URL, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel import select
from tests.faults.tables import METADATA, Counter, Note

from colonnade.database import Database
from colonnade.session.session import Session

__all__ = [
    "ENDLESS",
    "Witness",
    "eventually",
    "next_unit_works",
    "nothing_leaked",
    "open_at",
    "write_pair",
]

_DRIVERS = {"postgresql": "postgresql+asyncpg", "mariadb": "mariadb+aiomysql"}

_BACKENDS = {
    "postgresql": "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
    "AND backend_type = 'client backend' AND pid <> pg_backend_pid()",
    "mariadb": "SELECT id FROM information_schema.processlist "
    "WHERE db = database() AND id <> connection_id()",
}
_IN_TRANSACTION = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND xact_start IS NOT NULL AND pid <> pg_backend_pid()",
    "mariadb": "SELECT count(*) FROM information_schema.innodb_trx "
    "JOIN information_schema.processlist ON id = trx_mysql_thread_id WHERE db = database()",
}
#: Statements that take longer than any test.
ENDLESS = {
    "postgresql": "SELECT pg_sleep(30)",
    "mysql": "SELECT sleep(30)",
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
    "SELECT count(*) FROM n",
}
_END = {"postgresql": "SELECT pg_terminate_backend({})", "mariadb": "KILL {}"}


def open_at(url: str, **options: Any) -> Database:
    """A database whose limits are short; ``options`` replace them."""
    limits: dict[str, Any] = {
        "pool_size": 2,
        "max_overflow": 0,
        "connect_timeout": 2,
        "statement_timeout": 2,
        "lock_timeout": 1,
        "health_timeout": 0.5,
    }
    address = make_url(url)
    if address.get_backend_name() == "postgresql":
        # asyncpg leaves an exception that nobody awaits behind when it is cancelled while it asks
        # for TLS, which the servers of these tests do not have.
        address = address.update_query_dict({"sslmode": "disable"})
    return Database(address, metadata=METADATA, **{**limits, **options})


class Witness:
    """What the server says of the database at ``url``, asked behind the library's back."""

    def __init__(self, url: str) -> None:
        self.address: URL = make_url(url)
        self.kind = self.address.get_backend_name()

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Run one statement on a new connection; its rows."""
        if self.kind == "sqlite":
            return self._of_file(statement)
        engine = create_async_engine(
            self.address.set(drivername=_DRIVERS[self.kind]),
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
        )
        async with engine.connect() as connection:
            answer = await connection.execute(text(statement))
            return [tuple(row) for row in answer] if answer.returns_rows else []

    def _of_file(self, statement: str) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(str(self.address.database), timeout=0.05, isolation_level=None)
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()

    async def notes(self) -> set[int]:
        """The ids of the notes that are stored."""
        return {row[0] for row in await self.rows("SELECT id FROM note")}

    async def backends(self) -> list[int]:
        """The server's processes or threads that serve this database's clients."""
        return [row[0] for row in await self.rows(_BACKENDS[self.kind])]

    async def end(self, backends: Iterable[int] | None = None) -> int:
        """Terminate these backends, by default all; how many."""
        chosen = await self.backends() if backends is None else list(backends)
        for backend in chosen:
            try:
                await self.rows(_END[self.kind].format(backend))
            except OperationalError as error:
                # MariaDB's KILL fails for a client that has gone meanwhile; PostgreSQL says false.
                if "Unknown thread id" not in str(error):
                    raise
        return len(chosen)

    async def in_transaction(self) -> int:
        """How many of the database's clients are in a transaction."""
        if self.kind != "sqlite":
            return int((await self.rows(_IN_TRANSACTION[self.kind]))[0][0])
        try:
            self._of_file("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return 1
        return 0


async def eventually(
    happens: Callable[[], Awaitable[bool]] | Callable[[], bool], within: float = 3.0
) -> bool:
    """Whether it happens in time."""
    deadline = time.monotonic() + within
    while True:
        answer = happens()
        if answer if isinstance(answer, bool) else await answer:
            return True
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.005)


async def nothing_leaked(db: Database, witness: Witness) -> None:
    """Fail unless every place and connection is given back and no transaction is open."""

    def back() -> bool:
        status = db.pool()
        taken = sum(engine.pool.checkedout() for engine in db.engines)  # type: ignore[attr-defined] # QueuePool's
        readers = status.readers.in_use if status.readers else 0
        return status.in_use + status.waiting + readers + taken == 0

    async def quiet() -> bool:
        return await witness.in_transaction() == 0

    async def counted() -> bool:
        idle = sum(engine.pool.checkedin() for engine in db.engines)  # type: ignore[attr-defined] # QueuePool's
        return witness.kind == "sqlite" or len(await witness.backends()) <= idle

    assert await eventually(back), f"a connection is still out: {db.pool()}"
    assert await eventually(quiet), "a transaction is still open at the server"
    assert await eventually(counted), "the server serves a connection that no pool holds"


async def next_unit_works(db: Database) -> None:
    """Fail unless a unit can write, with every place of the pool in use at once."""

    async def count() -> None:
        async with db.session() as session:
            counter = await session.get_one(Counter, 1, with_for_update=True)
            counter.value += 1

    await asyncio.gather(*(count() for _ in range(db.settings.capacity)))


async def write_pair(session: Session, first: int) -> None:
    """Two notes in every way a unit has: a read, a flush, a savepoint, the commit's own flush."""
    await session.exec(select(Note).limit(1))
    note = Note(id=first)
    session.add(note)
    await session.flush()
    async with session.savepoint():
        session.add(Note(id=first + 1))
        await session.flush()
    note.seen += 1
