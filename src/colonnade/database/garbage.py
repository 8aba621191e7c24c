"""In charge of keeping the garbage collector away while rows become objects.

It looks at all objects again and again while thousands are made, of which none is garbage yet, and
the larger the heap, the longer that takes. It is put off for a stretch that awaits nothing, and
what the stretch leaves behind is looked at once, afterwards.
"""

from __future__ import annotations

import gc
from types import TracebackType

__all__ = ["Uncollected"]


class Uncollected:
    """Nothing is collected within the block, which must not await; a class for speed.

    The collector belongs to the process. Who turned it off for good finds it so afterwards; two
    threads in blocks of their own leave it turned on, since only who turned it off turns it on.
    """

    __slots__ = ("_was_on",)

    def __enter__(self) -> None:
        self._was_on = gc.isenabled()
        gc.disable()

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self._was_on:
            gc.enable()
