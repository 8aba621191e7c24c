"""Hints that name the nearest right word."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["did_you_mean", "nearest"]

# A name may come from a request: comparing costs its length, once for each candidate.
_LONGEST = 64
_LISTED = 20


def nearest(name: str, candidates: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The candidate most like ``name``, whatever the case, or None when none is like it.

    ``cutoff`` is the least likeness, from 0 to 1; of a name only the first 64 characters count.
    """
    folded = {candidate.casefold(): candidate for candidate in candidates}
    found = get_close_matches(name[:_LONGEST].casefold(), folded, n=1, cutoff=cutoff)
    return folded[found[0]] if found else None


def did_you_mean(name: str, candidates: Iterable[str], owner: str) -> str:
    """A hint such as ``did you mean 'name'? Hero has: age, id, name``."""
    names = sorted(candidates)
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    known = f"{owner} has: {', '.join(names[:_LISTED])}{more}"
    near = nearest(name, names)
    return known if near is None else f"did you mean {near!r}? {known}"
