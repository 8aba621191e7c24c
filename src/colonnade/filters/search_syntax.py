"""Parse the searches of ``match`` and write them in the search syntax of each database.

A search has words, "phrases", ``-`` before what must not be there, and ``or``:
``quick "brown fox" -dog or cat`` finds texts that have quick and the phrase and no dog, and texts
that have a cat. In the database's syntax every term is quoted, so that no character that a user
typed has a meaning there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import String
from sqlalchemy.types import TypeDecorator
from typing_extensions import override

from colonnade.capabilities import capabilities_of
from colonnade.errors import InvalidValue

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

__all__ = ["FullTextSearch", "parse_search", "to_websearch"]

_TERM: Final = re.compile(r'-?"[^"]*"?|[^\s"]+')
#: The most terms of a search. The server looks each up in its index.
_MOST: Final = 50
#: InnoDB does not index shorter words or stopwords, unless the server is configured otherwise.
_SHORTEST: Final = 3
_STOPWORDS: Final = frozenset(
    "about and are com for from how that the this und was what when where who will with www".split()  # noqa: SIM905 # a list of words
)


@dataclass(frozen=True, slots=True)
class SearchTerm:
    """A word or phrase that a text must have, or must not have if not ``wanted``."""

    words: str
    wanted: bool


#: The alternatives of a search, which "or" separates; all terms of one must be met.
SearchAlternatives = tuple[tuple[SearchTerm, ...], ...]


class FullTextSearch(TypeDecorator[str]):
    """The type of a bind parameter that is a search, sent in the syntax of the database."""

    impl = String
    cache_ok = True

    @override
    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        groups = parse_search(value)
        match capabilities_of(dialect.name).search_language:
            case "fts5":
                return _to_fts5(groups)
            case "boolean":
                return _to_boolean_mode(groups)
            case "websearch":
                return to_websearch(groups)


def parse_search(text: str) -> SearchAlternatives:
    """Return the alternatives of a search, each a group of terms.

    Raise ``InvalidValue`` if an alternative has no word to find, only words that must not be there:
    no index can answer that. Raise it too if there are too many terms.
    """
    groups: list[list[SearchTerm]] = [[]]
    for found in _TERM.findall(text):
        if found.lower() == "or":
            groups.append([])
            continue
        wanted = not found.startswith("-")
        words = _strip_signs(found)
        if words:
            groups[-1].append(SearchTerm(words, wanted))
    groups = [group for group in groups if group]
    if not groups or not all(any(term.wanted for term in group) for group in groups):
        raise InvalidValue("", hint="a search needs a word to find, of letters or digits")
    if sum(map(len, groups)) > _MOST:
        raise InvalidValue("", hint=f"a search has at most {_MOST} words and phrases")
    return tuple(map(tuple, groups))


def _strip_signs(term: str) -> str:
    """Return a term without quotes and without the signs around it, which no index has."""
    plain = "".join(" " if letter in '"\\' or ord(letter) < 32 else letter for letter in term)
    inside = [place for place, letter in enumerate(plain) if letter.isalnum()]
    return " ".join(plain[inside[0] : inside[-1] + 1].split()) if inside else ""


def to_websearch(groups: SearchAlternatives) -> str:
    """Return a search in the syntax of PostgreSQL's ``websearch_to_tsquery``, which is ours too."""
    return " or ".join(
        " ".join(f'{"" if term.wanted else "-"}"{term.words}"' for term in group)
        for group in groups
    )


def _to_fts5(groups: SearchAlternatives) -> str:
    """Return a search in the syntax of SQLite's FTS5."""

    def one(group: tuple[SearchTerm, ...]) -> str:
        wanted = " AND ".join(f'"{term.words}"' for term in group if term.wanted)
        unwanted = "".join(f' NOT "{term.words}"' for term in group if not term.wanted)
        return f"(({wanted}){unwanted})"

    return " OR ".join(map(one, groups))


def _to_boolean_mode(groups: SearchAlternatives) -> str:
    """Return a search in the syntax of MATCH … IN BOOLEAN MODE."""

    def one(group: tuple[SearchTerm, ...]) -> str:
        return " ".join(f'{_boolean_mode_sign(term)}"{term.words}"' for term in group)

    if len(groups) == 1:
        return one(groups[0])
    return " ".join(f"({one(group)})" for group in groups)


def _boolean_mode_sign(term: SearchTerm) -> str:
    """Return the sign before a term in boolean mode: "+" must, "-" must not, "" may be there."""
    if not term.wanted:
        return "-"
    # With a "+" before a word that is not in the index, the search would find nothing.
    words = re.findall(r"\w+", term.words.lower())
    indexed = any(len(word) >= _SHORTEST and word not in _STOPWORDS for word in words)
    return "+" if indexed else ""
