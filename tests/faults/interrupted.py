"""A coroutine whose task is cancelled at chosen awaits, counted one by one."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine
from types import TracebackType
from typing import Any, TypeVar

__all__ = ["Interrupted", "interrupt", "steps_of"]

T = TypeVar("T")


class Interrupted(Coroutine[Any, Any, T]):
    """Passes ``inner`` through and cancels its task each time it suspends for one of ``at``.

    By default the cancellation overtakes what is awaited; ``late``, it comes with the answer: the
    awaited future is done already when the task is cancelled, which is the other way an await ends.
    """

    def __init__(
        self, inner: Coroutine[Any, Any, T], at: Collection[int] = (), *, late: bool = False
    ) -> None:
        self._inner = inner
        self._at = at
        self._late = late
        self.steps = 0

    def send(self, value: Any) -> Any:
        return self._suspended(self._inner.send(value))

    def throw(
        self,
        kind: type[BaseException] | BaseException,
        value: BaseException | object = None,
        trace: TracebackType | None = None,
    ) -> Any:
        error = kind if isinstance(kind, BaseException) else value
        return self._suspended(self._inner.throw(error))  # type: ignore[arg-type] # a task throws instances

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Any:
        return self._inner.__await__()

    def _suspended(self, awaited: Any) -> Any:
        self.steps += 1
        if self.steps in self._at:
            task = asyncio.current_task()
            assert task is not None
            if self._late and asyncio.isfuture(awaited):
                # Added before the task's own callback, so it runs between the answer and the task.
                awaited.add_done_callback(lambda _: task.cancel())
            else:
                asyncio.get_running_loop().call_soon(task.cancel)
        return awaited


async def interrupt(
    work: Coroutine[Any, Any, Any], at: Collection[int], *, late: bool = False
) -> bool:
    """Run ``work`` as a task and cancel it there; whether it reached its end all the same.

    Any exception but the cancellation goes on to the caller.
    """
    task = asyncio.create_task(Interrupted(work, at, late=late))
    try:
        await asyncio.wait_for(asyncio.shield(task), 10)
    except asyncio.CancelledError:
        assert task.cancelled()
        return False
    return True


async def steps_of(work: Coroutine[Any, Any, Any]) -> int:
    """How often ``work`` suspends when nothing disturbs it."""
    counted: Interrupted[Any] = Interrupted(work)
    await asyncio.create_task(counted)
    return counted.steps
