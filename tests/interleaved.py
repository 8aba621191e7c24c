"""Two units of work whose steps a test puts in an order of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from colonnade.database import Database
from colonnade.session.session import Session

__all__ = ["Side", "finish"]

Step: TypeAlias = Callable[[Session], Awaitable[Any]]

#: Seconds after which a step counts as waiting for the other side.
PATIENCE = 0.25


class Side:
    """A unit of work in a task of its own, which does one step after the other."""

    def __init__(self, db: Database, **options: Any) -> None:
        self.waited = False
        self._steps: asyncio.Queue[tuple[Step, asyncio.Future[Any]] | None] = asyncio.Queue()
        self.task = asyncio.create_task(self._work(db, options))

    async def _work(self, db: Database, options: Any) -> None:
        async with db.session(**options) as session:
            while (item := await self._steps.get()) is not None:
                step, told = item
                told.set_result(await step(session))

    async def do(self, step: Step) -> Any:
        """Return what the step answers; None if it waits or the unit has failed."""
        told = asyncio.get_running_loop().create_future()
        self._steps.put_nowait((step, told))
        await asyncio.wait((told, self.task), timeout=PATIENCE, return_when="FIRST_COMPLETED")
        if told.done():
            return told.result()
        self.waited = self.waited or not self.task.done()
        return None

    async def commit(self) -> None:
        """Commit after the steps so far, at once unless one of them still waits."""
        self._steps.put_nowait(None)
        await asyncio.wait((self.task,), timeout=PATIENCE)
        self.waited = self.waited or not self.task.done()

    @property
    def error(self) -> str | None:
        """The name of the error that ended the unit."""
        failed = self.task.exception()
        return None if failed is None else type(failed).__name__


async def finish(*sides: Side) -> list[str]:
    """Wait for the sides, which were committed; return the names of the errors that ended them."""
    await asyncio.wait([side.task for side in sides], timeout=20)
    return [side.error for side in sides if side.error is not None]
