"""What is asked: five questions, each answered with the bytes that an endpoint would send."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Final

__all__ = ["LIST", "PAGE", "PARENTS", "WORKLOADS", "Contestant"]

#: Heroes in a list, heroes on a page, teams whose heroes are read with them.
LIST: Final = 100
PAGE: Final = 50
PARENTS: Final = 50

#: The methods below, and what each is in a few words.
WORKLOADS: Final = {
    "get": "one hero by its key",
    "flat": "100 of 100,000 heroes, filtered and ordered",
    "to_one": "the same, each with its team",
    "nested": "50 teams, each with its 100 heroes",
    "page": "a page of 50 with an exact count",
}


class Contestant(ABC):
    """One way to read; ``number`` makes the values of each question other than the last one's."""

    name: ClassVar[str]

    def __init__(self, url: str) -> None:
        self.url = url

    async def open(self) -> None:  # noqa: B027 # most have nothing to do
        """What an application does once, when it starts."""

    @abstractmethod
    async def close(self) -> None: ...

    @abstractmethod
    async def get(self, number: int) -> bytes:
        """The hero with the key ``key_of(number)``."""

    @abstractmethod
    async def flat(self, number: int) -> bytes:
        """The newest active heroes of at least ``age_of(number)`` years."""

    @abstractmethod
    async def to_one(self, number: int) -> bytes:
        """The same heroes with their teams."""

    @abstractmethod
    async def nested(self, number: int) -> bytes:
        """The teams from ``first_of(number)`` on with their heroes, in the order of their keys."""

    @abstractmethod
    async def page(self, number: int) -> bytes:
        """The second page of the active heroes of that age, and how many there are."""


def key_of(number: int) -> int:
    return 1 + number * 7919 % 100_000


def age_of(number: int) -> int:
    return 30 + number % 7


def first_of(number: int) -> int:
    return 1 + number * 37 % 900
