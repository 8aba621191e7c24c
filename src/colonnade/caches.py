"""Caches with bounded memory: ``memoized`` for a program's own names, ``BoundedCache`` for input.

What a program defines (models, schemas, the names that fit them) is bounded by number. What a
client's input can multiply (conditions, orders, statements) is bounded by weight, since one of
those can be as large as a thousand others.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, MutableMapping
from functools import lru_cache
from threading import RLock
from typing import Any, Final, ParamSpec, TypeVar

from sqlalchemy.util import LRUCache

__all__ = [
    "STATEMENTS_KEPT",
    "BoundedCache",
    "CompiledCaches",
    "make_compiled_cache",
    "memoized",
    "weigh_text",
]

P = ParamSpec("P")
R = TypeVar("R")
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

# More names than an application has; bounded, since a name may come from a request. A name takes
# 2.5 KB at most. The node that it is parsed into is compared by identity, so that it has to be kept
# for longer than the statements that hold it: else none of them would be found again.
_REMEMBERED: Final = 4096


def memoized(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate ``function`` so that its last results are kept; errors are not kept."""
    remembering: Callable[P, R] = lru_cache(maxsize=_REMEMBERED)(function)  # type: ignore[assignment]
    return remembering


class _Entry:
    """A value with its weight, and whether it was used since room was last made."""

    __slots__ = ("used", "value", "weight")

    def __init__(self, value: object, weight: int) -> None:
        self.value = value
        self.weight = weight
        self.used = False


class BoundedCache(MutableMapping[K, V]):
    """A mapping that keeps the entries used last, of at most ``capacity`` weight together.

    ``weigh`` returns the weight of an entry from its key and value; an entry that alone weighs more
    than ``heaviest`` is not kept, since many others would have to go for it. Reading an entry costs
    one look-up in a dictionary: it is marked as used, and an entry with a mark is passed over once
    when room is made.
    """

    def __init__(self, capacity: int, heaviest: int, weigh: Callable[[K, V], int]) -> None:
        self.capacity = capacity
        self.heaviest = heaviest
        self._weigh = weigh
        self._weight = 0
        self._entries: OrderedDict[K, _Entry] = OrderedDict()
        # For writers in several threads; reentrant, since a finalizer may write while one of them
        # holds the lock.
        self._lock = RLock()

    @property
    def weight(self) -> int:
        """The weight of all entries together."""
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
        """Keep the value, unless it is too heavy, and drop others if there is no more room."""
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
        """Drop the entry that has been unused for longest, or give a used one its second chance."""
        key, entry = self._entries.popitem(last=False)
        if entry.used:
            entry.used = False
            self._entries[key] = entry
        else:
            self._weight -= entry.weight


#: How many statements of usual length are kept; each takes some 20 KB, 50 times its text.
STATEMENTS_KEPT: Final = 512
#: Characters of a statement of usual length; a longer one counts once for each so many.
_USUAL: Final = 2048
#: A statement that counts for more is not kept; one of a schema with a thousand columns still is.
_HEAVIEST: Final = 32
#: The most sets of lifted scopes with a view of their own; a program has a few.
_SETS: Final = 32


def weigh_text(text: str) -> int:
    """Return how many statements of usual length a text counts for."""
    return 1 + len(text) // _USUAL


def make_compiled_cache() -> BoundedCache[Any, Any]:
    """Return an empty cache for compiled statements, or other values with a ``string``."""
    return BoundedCache(
        STATEMENTS_KEPT, _HEAVIEST, lambda _key, compiled: weigh_text(compiled.string or "")
    )


class CompiledCaches:
    """The compiled statements of one engine, kept apart for each set of lifted scopes."""

    def __init__(self) -> None:
        self._all = make_compiled_cache()
        self._views: LRUCache[frozenset[str], _LiftedView] = LRUCache(_SETS)

    def of(self, lifted: frozenset[str]) -> MutableMapping[Any, Any]:
        """Return the statements for which these scopes are lifted."""
        view = self._views.get(lifted)
        if view is None:
            view = self._views[lifted] = _LiftedView(self._all, lifted)
        return view


class _LiftedView(MutableMapping[Any, Any]):
    """The part of a cache for one set of lifted scopes."""

    def __init__(self, cache: BoundedCache[Any, Any], lifted: frozenset[str]) -> None:
        self._cache = cache
        self._lifted = lifted

    def get(self, key: Any, default: Any = None) -> Any:
        return self._cache.get((self._lifted, key), default)

    def __getitem__(self, key: Any) -> Any:
        return self._cache[self._lifted, key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._cache[self._lifted, key] = value

    def __delitem__(self, key: Any) -> None:
        del self._cache[self._lifted, key]

    def __iter__(self) -> Iterator[Any]:
        return (key for lifted, key in self._cache if lifted == self._lifted)

    def __len__(self) -> int:
        return sum(1 for _ in self)
