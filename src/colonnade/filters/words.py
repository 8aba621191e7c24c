"""In charge of what ``match`` is asked: words, phrases, ``-`` and ``or``, for any database.

``quick "brown fox" -dog or cat`` finds what holds quick and the phrase and no dog, or a cat. Every
database gets it in its own language, with each term in quotes, so that no letter of a user's means
something there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import String
from sqlalchemy.types import TypeDecorator
from typing_extensions import override

from colonnade.errors import InvalidValue

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

__all__ = ["Search", "parsed", "spelled"]

_TERM: Final = re.compile(r'-?"[^"]*"?|[^\s"]+')
#: Each costs the server a look into the index.
_MOST: Final = 50
#: What InnoDB leaves out of its index, unless the server is set up otherwise: a row has it or not.
_SHORTEST: Final = 3
_STOPWORDS: Final = frozenset(
    "about and are com for from how that the this und was what when where who will with www".split()  # noqa: SIM905 # a list of words
)


@dataclass(frozen=True, slots=True)
class Term:
    """Words that follow each other, which a row must have, or must not."""

    words: str
    wanted: bool


Groups = tuple[tuple[Term, ...], ...]


class Search(TypeDecorator[str]):
    """A search, in the language of the database."""

    impl = String
    cache_ok = True

    @override
    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        groups = parsed(value)
        if dialect.name == "sqlite":
            return _of_sqlite(groups)
        return _of_mariadb(groups) if dialect.name in ("mysql", "mariadb") else spelled(groups)


def parsed(text: str) -> Groups:
    """The alternatives, each a group of terms.

    Raises ``InvalidValue`` where one has no word to find: no index can answer that.
    """
    groups: list[list[Term]] = [[]]
    for found in _TERM.findall(text):
        if found.lower() == "or":
            groups.append([])
            continue
        wanted = not found.startswith("-")
        words = _words(found)
        if words:
            groups[-1].append(Term(words, wanted))
    groups = [group for group in groups if group]
    if not groups or not all(any(term.wanted for term in group) for group in groups):
        raise InvalidValue("", hint="a search needs a word to find, of letters or digits")
    if sum(map(len, groups)) > _MOST:
        raise InvalidValue("", hint=f"a search has at most {_MOST} words and phrases")
    return tuple(map(tuple, groups))


def _words(term: str) -> str:
    """A term without the signs around it, which no index holds."""
    plain = "".join(" " if letter in '"\\' or ord(letter) < 32 else letter for letter in term)
    inside = [place for place, letter in enumerate(plain) if letter.isalnum()]
    return " ".join(plain[inside[0] : inside[-1] + 1].split()) if inside else ""


def spelled(groups: Groups) -> str:
    """As PostgreSQL's ``websearch_to_tsquery`` reads it."""
    return " or ".join(
        " ".join(f'{"" if term.wanted else "-"}"{term.words}"' for term in group)
        for group in groups
    )


def _of_sqlite(groups: Groups) -> str:
    """As FTS5 reads it."""

    def one(group: tuple[Term, ...]) -> str:
        wanted = " AND ".join(f'"{term.words}"' for term in group if term.wanted)
        unwanted = "".join(f' NOT "{term.words}"' for term in group if not term.wanted)
        return f"(({wanted}){unwanted})"

    return " OR ".join(map(one, groups))


def _of_mariadb(groups: Groups) -> str:
    """As MATCH … IN BOOLEAN MODE reads it."""

    def one(group: tuple[Term, ...]) -> str:
        return " ".join(f'{_sign(term)}"{term.words}"' for term in group)

    if len(groups) == 1:
        return one(groups[0])
    return " ".join(f"({one(group)})" for group in groups)


def _sign(term: Term) -> str:
    if not term.wanted:
        return "-"
    # What the index does not hold cannot be demanded, or nothing would be found.
    words = re.findall(r"\w+", term.words.lower())
    indexed = any(len(word) >= _SHORTEST and word not in _STOPWORDS for word in words)
    return "+" if indexed else ""
