"""A value written is the value read, found and kept by a cursor, alike on every database.

Or it is refused in all of these places, with its field and the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import StringConstraints
from pydantic_core import core_schema
from sqlalchemy import (
    JSON,
    TIMESTAMP,
    BigInteger,
    Column,
    DateTime,
    Double,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    String,
    Text,
    Uuid,
)
from sqlalchemy import Enum as SqlEnum
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from colonnade import Database, ServiceBase
from colonnade.errors import (
    DatabaseError,
    InvalidChanges,
    InvalidOperand,
    InvalidRequest,
    UnknownOperator,
)
from colonnade.filters import parse_lookups
from colonnade.filters.operands import comparison_validator_for
from colonnade.models import DateTimeUTC, EnumValue, ExactDecimal, IntegerKey, MutableJSON
from colonnade.values import quick_check_of, rule_of
from colonnade.values.rules import attribute_python_type

EAST, WEST = timezone(timedelta(hours=14)), timezone(timedelta(hours=-5))
NAIVE = datetime(2024, 7, 1, 12)  # noqa: DTZ001 # for columns without a zone
NOON = datetime(2024, 7, 1, 12, tzinfo=timezone(timedelta(hours=2)))


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Phase(Enum):
    FRESH = "Fresh"
    DONE = "Done it"


class State(StrEnum):
    OPEN = "open"
    SHUT = "shut"


class Rank(IntEnum):
    LOW = 1
    HIGH = 2


class Email:
    """Reads a text as an address, as Pydantic's own type does."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        return core_schema.no_info_after_validator_function(cls.read, core_schema.str_schema())

    @classmethod
    def read(cls, value: str) -> str:
        if "@" not in value:
            raise ValueError("no address")
        return value.rpartition("<")[2].rstrip(">")


class Kept(IntegerKey, Base, table=True):
    """A column of every type of the library, of SQLModel and of SQLAlchemy that is usual."""

    small: int | None = Field(default=None, sa_column=Column(SmallInteger))
    whole: int | None = None
    big: int | None = Field(default=None, sa_column=Column(BigInteger))
    switch: bool | None = Field(default=None, sa_column=Column(Integer))
    flag: bool | None = None
    ratio: float | None = None
    double: float | None = Field(default=None, sa_column=Column(Double))
    loose: Decimal | None = None
    price: Decimal | None = Field(default=None, sa_column=Column(Numeric(12, 2)))
    cost: float | None = Field(default=None, sa_column=Column(Numeric(12, 2, asdecimal=False)))
    exact: Decimal | None = Field(default=None, sa_type=ExactDecimal(12, 2))
    title: str | None = None
    word: str | None = Field(default=None, max_length=5)
    essay: str | None = Field(default=None, sa_column=Column(Text))
    email: Email | None = Field(default=None, sa_column=Column(String(60)))
    handle: Annotated[str, StringConstraints(to_lower=True)] | None = None
    score: Annotated[int, Field(ge=0)] | None = None
    path: Path | None = None
    address: IPv4Address | None = None
    size: Literal["S", "M"] | None = Field(default=None, sa_column=Column(String(5)))
    state: State | None = Field(default=None, sa_column=Column(String(10)))
    rank: Rank | None = Field(default=None, sa_column=Column(Integer))
    native: Phase | None = None
    phase: str | None = Field(default=None, sa_column=Column(SqlEnum(Phase, name="kept_phase")))
    mood: str | None = Field(
        default=None, sa_column=Column(SqlEnum("gay", "sad", name="kept_mood"))
    )
    valued: Phase | None = Field(default=None, sa_type=EnumValue(Phase))
    graded: Rank | None = Field(default=None, sa_type=EnumValue(Rank))
    day: date | None = None
    hour: time | None = None
    span: timedelta | None = None
    seen: datetime | None = None
    moment: datetime | None = Field(default=None, sa_type=DateTimeUTC)
    zoned: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    stamp: datetime | None = Field(default=None, sa_column=Column(TIMESTAMP(timezone=True)))
    wall: datetime | None = Field(default=None, sa_column=Column(DateTime))
    mark: UUID | None = None
    spelt: str | None = Field(default=None, sa_column=Column(Uuid(as_uuid=False)))
    raw: bytes | None = Field(default=None, sa_column=Column(LargeBinary(8)))
    data: Any = Field(default=None, sa_column=Column(JSON))
    tree: Any = Field(default=None, sa_column=Column(MutableJSON))


class Anything(SQLModel):
    model_config = {"extra": "allow"}


class KeptService(ServiceBase[Kept, Anything, Anything]):
    pass


def _nested(depth: int) -> Any:
    found: Any = 1
    for _ in range(depth):
        found = [found]
    return found


TEXTS = ["", "a", " a ", "é", "😀", "A", "'%_\\", "a\0b", "\ud800", 1, b"a"]
NUMBERS = [0, 1, -1, 127, 2**15, -(2**15), 2**31 - 1, 2**31, 2**63 - 1, -(2**63), 2**63, 2**64]
NUMBERS += ["7", 7.0, 7.5, True, "x"]
REALS = [0.0, 0.1, -1.5, 1 / 3, 5e-324, 1.7e308, 3, "2.5", 2**53 + 1, float("nan"), float("inf")]
DECIMALS: list[Any] = [
    *(Decimal(text) for text in ("0", "1.50", "-0.01", "1E+3", "9999999999.99", "1.005")),
    *(Decimal(text) for text in ("10000000000", "NaN", "sNaN", "-Infinity", "1E+999999", "1.500")),
    1,
    "2.5",
    0.1,
]
MOMENTS: list[Any] = [
    NOON,
    datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=1),
    datetime(2024, 2, 29, 1, 2, 3, 4, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, tzinfo=WEST),
    datetime(1, 1, 1, tzinfo=EAST),
    NAIVE,
    "2024-07-01T12:00:00+02:00",
    "soon",
]
DOCUMENTS: list[Any] = [
    {"a": 1},
    [],
    {},
    [None, True, 1.5, "é😀"],
    {"n": 2**64, "big": 10**40},
    _nested(30),
    _nested(101),
    _nested(5000),
    {"x": float("nan")},
    [float("inf")],
    {"x": "\ud800"},
    {"\udc00": 1},
    {"x": "a\0"},
    {1: "a"},
    [10**5000],
    {"x": {1, 2}},
]

#: What each column is asked to keep: what it does at its ends, and what it cannot.
VALUES: dict[str, list[Any]] = {
    "small": NUMBERS,
    "whole": NUMBERS,
    "big": NUMBERS,
    "switch": [True, False, "x"],
    "flag": [True, False, "yes", 0, 2],
    "ratio": REALS,
    "double": REALS,
    "loose": [item for item in DECIMALS if str(item) != "1E+999999"],
    "price": DECIMALS,
    "cost": [0.25, 1.5, 0.1, Decimal("1.50"), 1.005, float("nan"), 1e20],
    "exact": [item for item in DECIMALS if not isinstance(item, float)],
    "title": TEXTS,
    "word": [*TEXTS, "abcde", "abcdef", "😀😀😀😀😀", "ab    "],
    "essay": [*TEXTS, "x" * 60_000],
    "email": ["a@b.org", "nobody", "N <a@b.org>", "A@B.org", "a\0"],
    "handle": ["Ann", "ann"],
    "score": [-1, 1],
    "path": [Path("/a/b"), "a//b", 1],
    "address": [IPv4Address("10.0.0.1"), "10.0.0.2", 1],
    "size": ["S", "M", "L", 1],
    "state": [State.OPEN, "shut", "gone", Phase.FRESH, 1],
    "rank": [Rank.LOW, 2, "1", 3, State.OPEN],
    "native": [Phase.FRESH, "Done it", "DONE", State.OPEN, 1],
    "phase": [Phase.DONE, "Fresh", "FRESH", "gone", State.OPEN, 1],
    "mood": ["gay", "grim", State.OPEN, 1],
    "valued": [Phase.FRESH, "Done it", "DONE", State.OPEN, 1],
    "graded": [Rank.LOW, 2, "1", 3, State.OPEN],
    "day": [date(1000, 1, 1), date(9999, 12, 31), date.min, "2024-02-29", NOON, "x"],
    "hour": [time(0), time(23, 59, 59, 999_999), "12:30", time(1, tzinfo=UTC), "x"],
    "span": [timedelta(0), timedelta(-1), timedelta(400, 1, 1), timedelta.max, "x"],
    "seen": MOMENTS,
    "moment": MOMENTS,
    "zoned": MOMENTS,
    "stamp": [item for item in MOMENTS if item != MOMENTS[3]],
    "wall": [NAIVE, NAIVE.replace(microsecond=1), NOON, "2024-07-01T12:00:00", "x"],
    "mark": [UUID(int=0), UUID(int=2**128 - 1), str(UUID(int=5)), UUID(int=7).hex, "x", b"a" * 16],
    "spelt": [UUID(int=3), str(UUID(int=5)), UUID(int=7).hex.upper(), "x"],
    "raw": [b"", b"\0\xff", b"a" * 8, b"a" * 9, 1],
    "data": [*DOCUMENTS, "a", 3, True, 2.5, "\ud800", float("nan")],
    "tree": DOCUMENTS,
}


def _moment(value: Any) -> Any:
    return (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(UTC)


def _member(kind: type[Enum]) -> Callable[[Any], Any]:
    return lambda value: value if isinstance(value, kind) else kind(value)


#: How the value that is read is told from the one that was given, where it is not just that.
READ: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("small", "whole", "big"), int),
    **dict.fromkeys(("ratio", "double", "cost"), float),
    **dict.fromkeys(("loose", "price", "exact"), lambda value: Decimal(str(value))),
    **dict.fromkeys(("seen", "moment", "zoned", "stamp"), _moment),
    **dict.fromkeys(("path", "address"), str),
    "flag": lambda value: value in (True, "yes"),
    "state": str,
    "rank": int,
    "native": _member(Phase),
    "valued": _member(Phase),
    "graded": lambda value: Rank(int(value)),
    "phase": lambda value: Phase.FRESH if value in ("Fresh", "FRESH") else Phase.DONE,
    "day": lambda value: date.fromisoformat(str(value)),
    "hour": lambda value: time.fromisoformat(str(value)),
    "wall": lambda value: datetime.fromisoformat(str(value)),
    "mark": lambda value: UUID(str(value)),
    "spelt": lambda value: str(UUID(str(value))),
}


def _shown(value: Any) -> str:
    return repr(value)[:40]


@pytest.fixture
async def kept(database: Database) -> Database:
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    return database


async def _write(service: KeptService, name: str, value: Any) -> int | None:
    """The row with the value, or None if it was refused, and then as it should be."""
    try:
        async with service.session.savepoint():
            return (await service.create({name: value})).id
    except InvalidChanges as error:
        told = error
    ((field, reason),) = told.problems
    assert field == name
    assert "not this" in reason
    return None


def test_every_column_of_the_model_is_tried() -> None:
    assert set(VALUES) == set(Kept.model_fields) - {"id"}


@pytest.mark.filterwarnings("ignore:Dialect sqlite.* does .not. support Decimal")
async def test_a_value_is_kept_found_and_scrolled_by_or_refused_everywhere(kept: Database) -> None:
    wrong: list[str] = []
    rows: dict[str, dict[int, Any]] = {name: {} for name in VALUES}
    refused: dict[str, list[Any]] = {name: [] for name in VALUES}
    async with kept.session() as session:
        for name, values in VALUES.items():
            for value in values:
                try:
                    key = await _write(KeptService(session), name, value)
                except DatabaseError as error:
                    wrong.append(f"{name} {_shown(value)} written: {error!r:.300}")
                    continue
                if key is None:
                    refused[name].append(value)
                else:
                    rows[name][key] = value
    async with kept.reader() as session:
        service = KeptService(session)
        read = {item.id: item for item in await service.where().all()}
        for name, written in rows.items():
            ends = READ.get(name, lambda value: value)
            for key, value in written.items():
                held = getattr(read[key], name)
                if held != ends(value):
                    wrong.append(f"{name} {_shown(value)} read as {_shown(held)}")
                if name in ("data", "tree"):
                    continue
                same = {k for k, v in written.items() if ends(v) == ends(value)}
                found = {item.id for item in await service.where({name: value}).all()}
                if found != same:
                    wrong.append(f"{name} {_shown(value)} found as {found}, not {same}")
                if type(held) is type(value):
                    continue
                again = {item.id for item in await service.where({name: held}).all()}
                if again != same:
                    wrong.append(f"{name} {_shown(held)}, as read, found as {again}, not {same}")
            wrong += await _scrolled(service, name, written)
            for value in refused[name]:
                wrong += await _asked(service, name, value)
    assert not wrong, "\n".join(wrong)


async def _scrolled(service: KeptService, name: str, written: dict[int, Any]) -> list[str]:
    """What is wrong with the list in the order of the column, turned row by row."""
    if name in ("data", "tree"):
        return []
    query = service.where({f"{name}__isnull": False}).order_by(name, "id")
    found, after = [], None
    while True:
        try:
            page = await query.scroll(size=1, after=after)
        except InvalidRequest as error:
            return [f"{name} scrolled to {found}: {error!r}"]
        found += [item.id for item in page.items]
        after = page.next
        if after is None or len(found) > len(written):
            break
    everything = [item.id for item in await query.all()]
    return [] if found == everything else [f"{name} scrolled as {found}, not {everything}"]


async def _asked(service: KeptService, name: str, value: Any) -> list[str]:
    """What is wrong with a question about a value that no row can have."""
    stored = Kept.__table__.c[name].type  # type: ignore[attr-defined] # of a table model
    try:
        found = await service.where({name: value}).count()
    except UnknownOperator:
        return []  # of JSON
    except InvalidOperand as error:
        with pytest.raises(InvalidOperand) as caught:
            comparison_validator_for(attribute_python_type(Kept, name, stored), stored, name)(value)
        told = error.fields == caught.value.fields == (name,) and error.hint == caught.value.hint
        return [] if told else [f"{name} {_shown(value)} told as {error!r}"]
    return [f"{name} {_shown(value)} was refused, and found"] if found else []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("email", "N <a@b.org>"),
        ("email", "nobody"),
        ("handle", "Ann"),
        ("score", -1),
        ("word", "longer than it is"),
        ("whole", 2**40),
    ],
)
def test_a_question_is_neither_rewritten_nor_refused_by_what_payloads_must_be(
    name: str, value: Any
) -> None:
    assert parse_lookups(Kept, {name: value})[1] == (value,)


@pytest.mark.parametrize("name", VALUES)
def test_what_is_told_at_a_glance_is_what_the_rule_of_each_value_says(name: str) -> None:
    stored = Kept.__table__.c[name].type  # type: ignore[attr-defined] # of a table model
    kind = attribute_python_type(Kept, name, stored)
    glance = quick_check_of(kind, stored)
    if glance is None:
        return
    exact, fit = glance
    rule = rule_of(kind, stored, writing=True)
    values = [value for value in VALUES[name] if type(value) is exact]
    kept = [value for value in values if fit([value])]
    assert kept or kind is bool
    for value in kept:
        stored_as = rule(value)
        assert type(stored_as) is exact
        assert stored_as == value
    assert not kept or fit(kept)
    assert all(not fit([*kept, value]) for value in values if value not in kept)
