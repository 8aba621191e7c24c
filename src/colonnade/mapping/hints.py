"""Hints that name the nearest right word."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["did_you_mean", "find_nearest", "format_count", "with_article"]

# A name may come from a request: comparing costs its length, once for each candidate.
_LONGEST = 64
_LISTED = 20
#: What has no plural, or is one.
_UNCOUNTED = frozenset({"None", "NoneType", "bytes"})
#: Beginnings that are written with a vowel and spoken without, and the other way round.
_CONSONANTS = ("uni", "use", "usa", "uti", "uuid", "url", "uri", "eu", "one")
_VOWELS = ("hour", "honest", "honour", "heir")


def find_nearest(name: str, candidates: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the candidate most like ``name``, whatever the case, or None when none is like it.

    ``cutoff`` is the least likeness, from 0 to 1; of a name only the first 64 characters count.
    The name itself is never the answer: it stood where even the right name is wrong.
    """
    folded = {candidate.casefold(): candidate for candidate in candidates if candidate != name}
    found = get_close_matches(name[:_LONGEST].casefold(), folded, n=1, cutoff=cutoff)
    return folded[found[0]] if found else None


def did_you_mean(
    name: str, candidates: Iterable[str], owner: str, *others: tuple[Iterable[str], str]
) -> str:
    """Return a hint such as ``did you mean 'name'? Hero has: age, id, name``.

    ``others`` are candidates of further owners, each with the owner's name.
    """
    listed = [(sorted(names), whose) for names, whose in ((candidates, owner), *others)]
    known = "; ".join(_format_names(whose, names) for names, whose in listed)
    near = find_nearest(name, [item for names, _ in listed for item in names])
    return known if near is None else f"did you mean {near!r}? {known}"


def format_count(number: int, noun: str) -> str:
    """Return ``1 value`` or ``2 values``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def with_article(noun: str) -> str:
    """Return ``a Hero`` or ``an Airport``, and the noun alone where it needs no article."""
    if noun in _UNCOUNTED:
        return noun.removesuffix("Type")
    spoken = noun.lstrip("_").lower()
    vowel = spoken.startswith(_VOWELS) or (
        spoken[:1] in tuple("aeiou") and not spoken.startswith(_CONSONANTS)
    )
    return f"{'an' if vowel else 'a'} {noun}"


def _format_names(owner: str, names: list[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"{owner} has: {', '.join(names[:_LISTED])}{more}"
