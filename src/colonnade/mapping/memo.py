"""In charge of memory: what was found out once is kept, and never more of it than is bounded.

What a program defines (models, schemas, the names that fit them) is counted. What a client's input
can multiply (conditions, orders, statements) is weighed, since one of those can be as large as a
thousand others.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, MutableMapping
from functools import lru_cache
from threading import RLock
from typing import Final, ParamSpec, TypeVar

__all__ = ["BoundedCache", "memoized"]

P = ParamSpec("P")
R = TypeVar("R")
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

# More than an application asks; bounded, since a name may come from a request. A name takes 2.5 KB
# at most. What stands for it in a shape is compared by identity, so that names have to be kept for
# longer than the statements that hold them.
_REMEMBERED: Final = 4096


def memoized(function: Callable[P, R]) -> Callable[P, R]:
    """Return ``function``, remembering its last answers; errors are not remembered."""
    remembering: Callable[P, R] = lru_cache(maxsize=_REMEMBERED)(function)  # type: ignore[assignment]
    return remembering


class _Entry:
    __slots__ = ("used", "value", "weight")

    def __init__(self, value: object, weight: int) -> None:
        self.value = value
        self.weight = weight
        self.used = False


class BoundedCache(MutableMapping[K, V]):
    """A mapping that keeps what was used last, as much of it as weighs ``capacity`` together.

    ``weigh`` tells the weight of an entry from its key and value; an entry that alone weighs more
    than ``heaviest`` is not kept, since many others would have to go for it. To read an entry costs
    one look into a dictionary: it is marked as used, and an entry with a mark is passed over once
    when room is made.
    """

    def __init__(self, capacity: int, heaviest: int, weigh: Callable[[K, V], int]) -> None:
        self.capacity = capacity
        self.heaviest = heaviest
        self._weigh = weigh
        self._weight = 0
        self._entries: OrderedDict[K, _Entry] = OrderedDict()
        # For writers in several threads, and for a finalizer that writes while one of them does.
        self._lock = RLock()

    @property
    def weight(self) -> int:
        """What the entries weigh together."""
        return self._weight

    def get(self, key: K, default: V | None = None) -> V | None:  # type: ignore[override] # one default will do
        """Return the value, which counts as used now, or ``default``."""
        entry = self._entries.get(key)
        if entry is None:
            return default
        entry.used = True
        return entry.value  # type: ignore[return-value]

    def __getitem__(self, key: K) -> V:
        entry = self._entries[key]
        entry.used = True
        return entry.value  # type: ignore[return-value]

    def __setitem__(self, key: K, value: V) -> None:
        """Keep the value, unless it is too heavy, and let go of others if there is no more room."""
        weight = self._weigh(key, value)
        with self._lock:
            self._remove(key)
            if weight > self.heaviest:
                return
            while self._entries and self._weight + weight > self.capacity:
                self._make_room()
            self._entries[key] = _Entry(value, weight)
            self._weight += weight

    def __delitem__(self, key: K) -> None:
        with self._lock:
            if not self._remove(key):
                raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def __iter__(self) -> Iterator[K]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def _remove(self, key: K) -> bool:
        entry = self._entries.pop(key, None)
        if entry is None:
            return False
        self._weight -= entry.weight
        return True

    def _make_room(self) -> None:
        """Let go of the entry that has waited longest without being used."""
        key, entry = self._entries.popitem(last=False)
        if entry.used:
            entry.used = False
            self._entries[key] = entry
        else:
            self._weight -= entry.weight
