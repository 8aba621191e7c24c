"""What an order of ``tests.guild``'s heroes is, in plain Python."""

from __future__ import annotations

from enum import Enum
from functools import cmp_to_key
from typing import Any

from hypothesis import strategies as st
from tests.guild import heroes

Row = dict[str, Any]

_TEAMS = ("Avengers", "League", None)
_COUNTRIES = ("NO", None, None)
_MENTORS = {2: 1, 3: 1, 4: 1, 5: 1, 6: 2}

#: Names to sort by, and what stands there; text only where every collation agrees.
KEYS = (
    *("id", "slug", "age", "height", "fee", "active", "kind", "born", "seen", "team_id"),
    *("team.name", "team__city__country", "mentor.age", "mentor.mentor.id"),
)


def _rows() -> list[Row]:
    rows = [
        {
            **row,
            "id": number,
            "team_id": (1, 2, None)[(number - 1) % 3],
            "team.name": _TEAMS[(number - 1) % 3],
            "team__city__country": _COUNTRIES[(number - 1) % 3],
        }
        for number, row in enumerate(heroes(), 1)
    ]
    for row in rows:
        mentor = _MENTORS.get(row["id"])
        row["mentor.age"] = None if mentor is None else rows[mentor - 1]["age"]
        row["mentor.mentor.id"] = _MENTORS.get(mentor) if mentor else None
    return rows


ROWS = _rows()


def in_order(terms: tuple[str, ...]) -> list[int]:
    """The ids of all heroes in this order."""
    first: dict[str, str] = {}
    for term in terms:
        first.setdefault(_name(term), term)
    once = [*first.values()]
    closed = (*once, "-id" if once and once[-1].startswith("-") else "id")
    return [row["id"] for row in sorted(ROWS, key=cmp_to_key(lambda a, b: _compare(a, b, closed)))]


def _name(term: str) -> str:
    return term.partition(" ")[0].lstrip("+-")


def _compare(one: Row, two: Row, terms: tuple[str, ...]) -> int:
    for term in terms:
        word, _, nulls = term.partition(" nulls ")
        name = _name(term)
        a, b = (item.value if isinstance(item, Enum) else item for item in (one[name], two[name]))
        if a == b:
            continue
        if a is None or b is None:
            first = word.startswith("-") if not nulls else nulls == "first"
            return -1 if (a is None) is first else 1
        return (1 if a > b else -1) * (-1 if word.startswith("-") else 1)
    return 0


def orders() -> st.SearchStrategy[tuple[str, ...]]:
    """Up to three terms, in any direction, with NULLs anywhere."""
    term = st.builds(
        "{}{}{}".format,
        st.sampled_from(("", "-", "+")),
        st.sampled_from(KEYS),
        st.sampled_from(("", "", " nulls first", " nulls last")),
    )
    return st.lists(term, max_size=3).map(tuple)
