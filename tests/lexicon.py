"""The models that the tests of operators share: words that are hard to compare, and every type."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from itertools import product
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    Column,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    String,
)
from sqlalchemy import Enum as NativeEnum
from sqlalchemy.orm import registry
from sqlalchemy.types import TypeDecorator, UserDefinedType
from sqlmodel import Field, SQLModel

from colonnade import Database, ServiceBase
from colonnade.models import DateTimeUTC, EnumValue, ExactDecimal, IntegerKey, MutableJSON


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Exotics(SQLModel, registry=registry(metadata=MetaData())):
    """Of its own, as its tables cannot be made everywhere."""


class Mystery(UserDefinedType[Any]):
    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "MYSTERY"


class Doubled(TypeDecorator[int]):
    impl = SmallInteger
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Any) -> int | None:
        return None if value is None else value * 2

    def process_result_value(self, value: int | None, dialect: Any) -> int | None:
        return None if value is None else value // 2


class Level(Enum):
    LOW = 1
    HIGH = 10


class Colour(Enum):
    RED = "rouge"
    BLUE = "bleu"


class Word(IntegerKey, Base, table=True):
    text: str | None = Field(default=None, max_length=60)


class Thing(IntegerKey, Base, table=True):
    """A column of every type."""

    tiny: int | None = Field(default=None, sa_column=Column(SmallInteger))
    whole: int | None = Field(default=None, sa_column=Column(Integer))
    big: int | None = Field(default=None, sa_column=Column(BigInteger))
    ratio: float | None = None
    price: Decimal | None = Field(default=None, sa_type=ExactDecimal(12, 2))
    flag: bool | None = None
    label: str | None = None
    day: date | None = None
    hour: time | None = None
    moment: datetime | None = Field(default=None, sa_type=DateTimeUTC)
    zoned: datetime | None = None
    wall: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=False)))
    span: timedelta | None = None
    code: UUID | None = None
    level: Level | None = Field(default=None, sa_type=EnumValue(Level))
    colour: Colour | None = Field(default=None, sa_column=Column(NativeEnum(Colour)))
    raw: bytes | None = Field(default=None, sa_column=Column(LargeBinary(200)))
    data: Any = Field(default=None, sa_column=Column(JSON))
    tree: Any = Field(default=None, sa_column=Column(MutableJSON))


class Exotic(Exotics, table=True):
    """Types that not every database has, or that hold less than they seem to; of no rows."""

    id: int | None = Field(default=None, primary_key=True)
    amount: Decimal = Field(sa_column=Column(Numeric(60, 20)))
    state: str = Field(sa_column=Column(EnumValue(["open", "shut"])))
    mood: str = Field(sa_column=Column(NativeEnum("gay", "sad", name="mood")))
    small: int = Field(sa_column=Column(Doubled))
    tags: list[str] = Field(sa_column=Column(ARRAY(String(20))))
    scores: Any = Field(sa_column=Column(ARRAY(Integer)))
    mystery: Any = Field(sa_column=Column(Mystery))


class Anything(SQLModel):
    model_config = {"extra": "allow"}


class WordService(ServiceBase[Word, Anything, Anything]):
    pass


class ThingService(ServiceBase[Thing, Anything, Anything]):
    pass


#: Letters that fold, that fold to another length in Python, that mean something in a pattern.
LETTERS = "aAéÉİßςΣσ%_\\*?[!'"


def words() -> list[str | None]:
    """Everything of one and two such letters, some of three, with spaces, and NULL."""
    pairs = ("".join(pair) for pair in product(LETTERS, repeat=2))
    more = [
        "",
        " ",
        "a ",
        " a",
        "A ",
        "straße",
        "STRASSE",
        "İstanbul",
        "istanbul",
        "ẞ",
        "aéa",
        "AÉA",
    ]
    more += ["a%b", "a_b", "axb", "[a]", "a\\%b", "😀", "ΑΣ", "ας", "ασ", "!", "!!", "a!%", "a\nb"]
    return [None, *LETTERS, *pairs, *more]


#: For each column of ``Thing`` what lies at its ends, beside what is ordinary; in order, if any.
EDGES: dict[str, list[Any]] = {
    "tiny": [-(2**15), -1, 0, 7, 2**15 - 1],
    "whole": [-(2**31), -1, 0, 7, 2**31 - 1],
    "big": [-(2**63), -(2**53) - 1, 0, 2**53, 2**53 + 1, 2**63 - 1],
    "ratio": [-1e300, -0.1, 0.0, 5e-324, 0.1, 0.30000000000000004, 1 / 3, 2.5, 1e22, 1e300],
    "price": [Decimal(text) for text in ("-9999999999.99", "-0.01", "0", "0.1", "9999999999.99")],
    "flag": [True, False],
    "label": ["", "Zürich", "a", "zebra", "😀"],
    "day": [date(1000, 1, 1), date(1969, 12, 31), date(2024, 2, 29), date(9999, 12, 31)],
    "hour": [time(0), time(0, 0, 0, 1), time(12, 30), time(23, 59, 59, 999_999)],
    "moment": [datetime(1000, 1, 1, tzinfo=UTC), datetime(2024, 2, 29, 1, 2, 3, 4, tzinfo=UTC)],
    "zoned": [datetime(1970, 1, 1, tzinfo=UTC), datetime(2024, 2, 29, 1, 2, 3, 999_999, UTC)],
    "wall": [datetime(1970, 1, 1), datetime(2024, 10, 27, 2, 30, 0, 1)],  # noqa: DTZ001
    "span": [timedelta(-1), timedelta(0), timedelta(microseconds=1), timedelta(400, 1, 1)],
    "code": [UUID(int=0), UUID(int=1 << 96), UUID(int=(7 << 76) + 5), UUID(int=2**128 - 1)],
    "level": [Level.LOW, Level.HIGH],
    "colour": [Colour.RED, Colour.BLUE],
    "raw": [b"", b"\x00", b"\x00\x01", b"a", b"\xff" * 9],
    "data": [{"a": 1}, {"b": None}, ["a"], "a", 3],
    "tree": [{"a": 1}, {"b": {"a": 1}}, ["a"], {}],
}


def things() -> list[dict[str, Any]]:
    """Rows that have each of these once, and NULL in between."""
    return [
        {name: edges[row] for name, edges in EDGES.items() if row < len(edges)}
        for row in range(max(len(edges) for edges in EDGES.values()))
    ]


async def fill_anew(url: str) -> None:
    """The tables and the rows, in an empty database."""
    async with Database(url) as database:
        await fill(database)


async def fill(database: Database) -> None:
    """Every word and thing, in the order of ``words()`` and ``things()``."""
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with database.session() as session:
        await WordService(session).create_many(list(_numbered()))
        await ThingService(session).create_many(
            [{"id": number, **thing} for number, thing in enumerate(things(), start=1)]
        )


def _numbered() -> Iterator[dict[str, Any]]:
    for number, word in enumerate(words(), start=1):
        yield {"id": number, "text": word}
