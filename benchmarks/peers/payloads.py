"""What is written: heroes to create, and changes that are never the same twice."""

from __future__ import annotations

from datetime import date
from functools import cache
from itertools import count
from typing import Final

from peers.data import TEAMS
from peers.schemas import HeroCreate, HeroUpdate, Rank

__all__ = ["MANY", "make_changes", "make_hero", "make_heroes"]

#: Heroes that ``create_many`` is given.
MANY: Final = 10_000

_RANKS: Final = tuple(Rank)
_JOINED: Final = date(2020, 2, 29)
_CHANGES: Final = count(1)


def make_hero(number: int) -> HeroCreate:
    return HeroCreate(
        name=f"Recruit {number}",
        secret_name=f'the "{number % 97}th"',
        age=16 + number % 60,
        active=number % 3 > 0,
        rank=_RANKS[number % len(_RANKS)],
        joined=_JOINED,
        biography="swift amber quiet iron lunar velvet stray ninth cobalt old " * 3,
        team_id=1 + number % TEAMS,
    )


@cache
def make_heroes() -> list[HeroCreate]:
    """Return the heroes for ``create_many``: made once, since that is no contestant's work."""
    return [make_hero(number) for number in range(MANY)]


def make_changes() -> HeroUpdate:
    """Return changes other than all before: an ORM sends no UPDATE where nothing changes."""
    number = next(_CHANGES)
    return HeroUpdate(name=f"Renamed {number}", age=16 + number % 60)
