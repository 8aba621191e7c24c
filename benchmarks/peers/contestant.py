"""What a contestant has to do: answer questions, or carry out orders and say what is stored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Final

from peers.schemas import HeroCreate, HeroUpdate

__all__ = [
    "LIST",
    "PAGE",
    "PARENTS",
    "BulkContestant",
    "Contestant",
    "ReadContestant",
    "WriteContestant",
]

#: Heroes in a list, heroes on a page, teams whose heroes are read with them.
LIST: Final = 100
PAGE: Final = 50
PARENTS: Final = 50


class Contestant(ABC):
    """One way to reach the database."""

    name: ClassVar[str]

    def __init__(self, url: str) -> None:
        self.url = url

    async def open(self) -> None:  # noqa: B027 # most have nothing to do
        """Do what an application does once, when it starts."""

    @abstractmethod
    async def close(self) -> None: ...


class ReadContestant(Contestant):
    """One way to read. It answers with the bytes that an endpoint would send.

    ``number`` makes the values of each question other than the last one's.
    """

    @abstractmethod
    async def get(self, number: int) -> bytes:
        """Return the hero with the key ``key_of(number)``."""

    @abstractmethod
    async def flat(self, number: int) -> bytes:
        """Return the newest active heroes of at least ``age_of(number)`` years."""

    @abstractmethod
    async def to_one(self, number: int) -> bytes:
        """Return the same heroes with their teams."""

    @abstractmethod
    async def nested(self, number: int) -> bytes:
        """Return teams from ``first_of(number)`` on with their heroes, in the order of keys."""

    @abstractmethod
    async def page(self, number: int) -> bytes:
        """Return the second page of the active heroes of that age, and how many there are."""


class WriteContestant(Contestant):
    """One way to write a row in a unit of work of its own, which is committed.

    It answers with the stored row, in the bytes that an endpoint would send.
    """

    @abstractmethod
    async def create(self, payload: HeroCreate) -> bytes:
        """Insert a hero; the server makes its key."""

    @abstractmethod
    async def update(self, key: int, payload: HeroUpdate) -> bytes:
        """Set the fields that the payload sets, and no others."""


class BulkContestant(Contestant):
    """One way to create many rows in one unit of work."""

    @abstractmethod
    async def create_many(self, payloads: Sequence[HeroCreate]) -> Sequence[object] | None:
        """Insert the heroes; return them in this order, or None from a way that returns none."""


def key_of(number: int) -> int:
    return 1 + number * 7919 % 100_000


def age_of(number: int) -> int:
    return 30 + number % 7


def first_of(number: int) -> int:
    return 1 + number * 37 % 900
