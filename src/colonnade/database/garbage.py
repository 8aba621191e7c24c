"""Keep the garbage collector away while rows become objects.

It looks at all objects again and again while thousands are made, of which none is garbage yet, and
the larger the heap, the longer that takes. It is put off for a stretch that awaits nothing, and
what the stretch leaves behind is looked at once, afterwards.

The collector belongs to the process, and so do its rules here. Only a block that finds it on turns
it off, and each that did turns it on at its end: whoever turned it off for good finds it so, and
threads with blocks of their own cannot leave it off, nor keep it off by taking turns. Blocks inside
of a block, in the same thread, do nothing.
"""

from __future__ import annotations

import gc
from threading import local
from types import TracebackType
from typing import Final

__all__ = ["Uncollected"]


class _Depth(local):
    """How many blocks a thread is in."""

    blocks = 0


_depth: Final = _Depth()


class Uncollected:
    """Nothing is collected within the block, which must not await; a class for speed."""

    __slots__ = ("_turned_off",)

    def __enter__(self) -> None:
        self._turned_off = False
        _depth.blocks += 1
        if _depth.blocks == 1 and gc.isenabled():
            # Said before it is done: an interrupt between the two turns on what is on.
            self._turned_off = True
            try:
                gc.disable()
            except BaseException:
                self.__exit__(None, None, None)
                raise

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self._turned_off:
            gc.enable()
        _depth.blocks -= 1
