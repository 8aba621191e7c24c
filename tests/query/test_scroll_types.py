"""Scrolling by every type of column that has an order: read, sealed, bound and compared alike."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import JSON, Interval, LargeBinary, MetaData, Numeric, String
from sqlalchemy import Enum as SqlEnum
from sqlalchemy.orm import registry
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

from colonnade import Database, Query
from colonnade.errors import InvalidCursor, InvalidOperand
from colonnade.models import DateTimeUTC, EnumValue, ExactDecimal
from colonnade.pagination import seal_cursor
from colonnade.spec import CursorCodec, Shape, Spec


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Size(Enum):
    """Declared in an order that is neither its names' nor its values'."""

    MIDDLE = "b"
    LARGE = "c"
    SMALL = "a"


class Tags:
    def __init__(self, text: str) -> None:
        self.text = text


class TagsType(TypeDecorator[Tags]):
    impl = String(80)
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> str:
        return value.text  # type: ignore[no-any-return] # a Tags

    def process_result_value(self, value: Any, dialect: Any) -> Tags:
        return Tags(value)


class Thing(Base, table=True):
    model_config = {"arbitrary_types_allowed": True}
    id: int | None = Field(default=None, primary_key=True)
    size: Size = Field(sa_type=SqlEnum(Size, name="size_of_thing"))  # type: ignore[call-overload]
    kind: Size = Field(sa_type=EnumValue(Size))
    loose: Decimal = Field(sa_type=Numeric(20, 4))  # type: ignore[call-overload]
    exact: Decimal = Field(sa_type=ExactDecimal(10, 3))
    seen: datetime = Field(sa_type=DateTimeUTC)
    day: date
    hour: time
    took: timedelta = Field(sa_type=Interval)
    mark: UUID
    raw: bytes = Field(sa_type=LargeBinary(20))  # type: ignore[call-overload]
    done: bool
    tags: Tags = Field(sa_type=TagsType)
    stuff: dict[str, int] = Field(default_factory=dict, sa_type=JSON)


SIZES = list(Size)


def things() -> list[Thing]:
    """Twelve, of which each value has two or three."""
    made = []
    for number in range(12):
        n = (number * 7) % 5
        made.append(
            Thing(
                size=SIZES[n % 3],
                kind=SIZES[n % 3],
                loose=Decimal(n) / 16,
                exact=Decimal(n) / 8,
                seen=datetime(2020, 1, 1 + n, 3, 4, 5, n, tzinfo=UTC),
                day=date(2020, 1 + n, 1),
                hour=time(n, 30),
                took=timedelta(hours=n, minutes=5),
                mark=UUID(int=n << 64),
                raw=bytes([n, 255]),
                done=bool(n % 2),
                tags=Tags("x"),
            )
        )
    return made


@pytest.fixture
async def stocked(database: Database) -> Database:
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with database.session() as session:
        for thing in things():
            session.add(thing)
            await session.flush()
    return database


def query(session: Any) -> Query[Thing]:
    return Query(session, Spec(Shape(Thing)))


KEYS = ("size", "kind", "loose", "exact", "seen", "day", "hour", "took", "mark", "raw", "done")


async def test_every_type_that_has_an_order_is_scrolled(stocked: Database) -> None:
    async with stocked.reader() as session:
        for key in KEYS:
            asked = query(session).order_by(f"-{key}", "id")
            everything = [item.id for item in await asked.all()]
            page = await asked.scroll(size=5)
            found = [item.id for item in page.items]
            while page.next is not None:
                page = await asked.scroll(size=5, after=page.next)
                found += [item.id for item in page.items]
            assert found == everything, key
            back = [item.id for item in page.items]
            while page.previous is not None:
                page = await asked.scroll(size=5, before=page.previous)
                back = [item.id for item in page.items] + back
            assert back == everything, key


async def test_an_enum_is_sorted_by_its_values_where_it_is_kept_by_them(stocked: Database) -> None:
    async with stocked.reader() as session:
        kinds = [item.kind.value for item in await query(session).order_by("kind").all()]
        assert kinds == sorted(kinds)
        sizes = [item.size for item in await query(session).order_by("size").all()]
        declared = session.family == "postgresql"
        assert sizes == sorted(sizes, key=SIZES.index if declared else lambda item: item.name)


async def test_a_type_that_no_cursor_holds_is_sorted_and_not_scrolled(stocked: Database) -> None:
    async with stocked.reader() as session:
        asked = query(session).order_by("tags")
        assert len(await asked.all()) == 12
        assert len((await asked.scroll(size=12)).items) == 12
        with pytest.raises(InvalidOperand, match="a cursor cannot hold its values") as caught:
            await asked.scroll(size=5)
        assert caught.value.fields == ("tags",)


async def test_a_value_that_no_column_can_hold_makes_no_cursor(stocked: Database) -> None:
    forged: dict[str, list[Any]] = {
        "size": ["HUGE", "a", 1],
        "seen": [datetime(2020, 1, 1), date(2020, 1, 1)],  # noqa: DTZ001 # the point of it
        "exact": [Decimal("0.00001"), Decimal("NaN"), 1.5],
        "day": [datetime(2020, 1, 1, tzinfo=UTC), "2020-01-01"],
        "done": [1, None],
    }
    for key, values in forged.items():
        for value in values:
            async with stocked.reader() as session:
                asked = query(session).order_by(key)
                context = CursorCodec(asked._spec).context
                cursor = seal_cursor([False, 0, value, 1], context=context)
                with pytest.raises(InvalidCursor):
                    await asked.scroll(after=cursor)
