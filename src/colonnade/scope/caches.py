"""In charge of compiled statements: an engine keeps so many, whatever scopes they hold to."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any, Final

from sqlalchemy.util import LRUCache

from colonnade.mapping import BoundedCache

__all__ = ["KEPT", "CompiledCaches", "compiled_cache", "text_weight"]

#: Statements kept, of usual length: each takes some 20 KB, and 50 times its text.
KEPT: Final = 512
#: Letters of a usual statement; a longer one counts once for each so many.
_USUAL: Final = 2048
#: For how many a statement may count to be kept: that of a schema with a thousand columns may.
_HEAVIEST: Final = 32
#: Sets of lifted scopes that are told apart; a program has a few.
_SETS: Final = 32


def text_weight(text: str) -> int:
    """Return for how many statements of usual length one counts."""
    return 1 + len(text) // _USUAL


def compiled_cache() -> BoundedCache[Any, Any]:
    """Return an empty cache of compiled statements, or of what has their text as ``string``."""
    return BoundedCache(KEPT, _HEAVIEST, lambda _key, compiled: text_weight(compiled.string or ""))


class CompiledCaches:
    """The compiled statements of one engine, apart for each set of lifted scopes."""

    def __init__(self) -> None:
        self._all = compiled_cache()
        self._views: LRUCache[frozenset[str], _View] = LRUCache(_SETS)

    def of(self, lifted: frozenset[str]) -> MutableMapping[Any, Any]:
        """Return those under which these scopes do not hold."""
        view = self._views.get(lifted)
        if view is None:
            view = self._views[lifted] = _View(self._all, lifted)
        return view


class _View(MutableMapping[Any, Any]):
    """The part of a cache in which one set of scopes is lifted."""

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
