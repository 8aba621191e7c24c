"""Undo everything that a test does, also what the code under test commits."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from colonnade.database import Database

__all__ = ["rolled_back"]


@asynccontextmanager
async def rolled_back(db: Database) -> AsyncGenerator[Database]:
    """Run all sessions, readers and units of ``db`` on one transaction that is rolled back.

    Holds for the calling task and the tasks that it starts.  Commits inside become those of
    savepoints and callbacks of ``on_commit`` run; readers see what is written and not committed.
    There is but one connection, so the sessions of tasks that run side by side take turns: one
    waits with its first statement until the other has committed, for up to ``pool_timeout``
    seconds.  What is opened inside of a session's block works inside of it.  MariaDB commits by
    itself at CREATE, ALTER and DROP, so the tables must be there before.  BEGIN and ROLLBACK run on
    a connection of the engine.
    """
    async with db.engine.connect() as connection:
        transaction = await connection.begin()
        try:
            async with db.bound_to(connection):
                yield db
        finally:
            await transaction.rollback()
