"""Models with a column of every type that JSON may be made of: what the tests of documents read."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Any, Optional
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import (
    CHAR,
    JSON,
    REAL,
    BigInteger,
    Column,
    DateTime,
    Float,
    Interval,
    MetaData,
    Numeric,
    SmallInteger,
    Text,
    Time,
    Uuid,
)
from sqlalchemy import Enum as SQLEnum
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, Relationship, SQLModel

from colonnade import ServiceBase
from colonnade.models import DateTimeUTC, EnumValue, ExactDecimal, IntegerKey, MutableJSON


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Colour(Enum):
    RED = "red"
    ODD = 'o\'d\\d "ü" %s :x'


class Grade(IntEnum):
    LOW = 1
    HIGH = 20


class Mood(StrEnum):
    glad = "GLAD!"
    sad = "sad"


class Shelf(IntegerKey, Base, table=True):
    name: str = ""
    boxes: list["Box"] = Relationship(
        back_populates="shelf", sa_relationship_kwargs={"order_by": "Box.number.desc()"}
    )
    parent_id: int | None = Field(default=None, foreign_key="shelf.id")
    parent: Optional["Shelf"] = Relationship(
        back_populates="shelves", sa_relationship_kwargs={"remote_side": "Shelf.id"}
    )
    shelves: list["Shelf"] = Relationship(back_populates="parent")


class Box(IntegerKey, Base, table=True):
    shelf_id: int | None = Field(default=None, foreign_key="shelf.id", index=True)
    shelf: Shelf | None = Relationship(back_populates="boxes")
    number: int | None = None
    small: int | None = Field(default=None, sa_column=Column(SmallInteger))
    big: int | None = Field(default=None, sa_column=Column("bigOne", BigInteger))
    word: str | None = None
    long: str | None = Field(default=None, sa_column=Column(Text))
    code: str | None = Field(default=None, sa_column=Column(CHAR(5)))
    flag: bool | None = None
    ratio: float | None = None
    single: float | None = Field(default=None, sa_column=Column(REAL))
    short: float | None = Field(default=None, sa_column=Column(Float(10)))
    price: Decimal | None = Field(default=None, sa_column=Column(ExactDecimal(12, 2)))
    whole: Decimal | None = Field(default=None, sa_column=Column(Numeric(30)))
    tiny: Decimal | None = Field(default=None, sa_column=Column(Numeric(12, 6)))
    fine: Decimal | None = Field(default=None, sa_column=Column(Numeric(20, 10)))
    loose: Decimal | None = Field(default=None, sa_column=Column(Numeric))
    token: UUID | None = Field(default=None, sa_column=Column(Uuid))
    day: date | None = None
    moment: datetime | None = None
    instant: datetime | None = Field(default=None, sa_column=Column(DateTimeUTC))
    zoned: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    local: datetime | None = Field(default=None, sa_column=Column(DateTime()))
    hour: time | None = Field(default=None, sa_column=Column(Time))
    span: timedelta | None = Field(default=None, sa_column=Column(Interval))
    colour: Colour | None = Field(default=None, sa_column=Column(EnumValue(Colour)))
    grade: Grade | None = Field(default=None, sa_column=Column(EnumValue(Grade)))
    mood: Mood | None = Field(default=None, sa_column=Column(SQLEnum(Mood)))
    data: Any = Field(default=None, sa_column=Column(JSONB))
    note: Any = Field(default=None, sa_column=Column(JSON))
    kept: Any = Field(default=None, sa_column=Column(MutableJSON))


class Anything(BaseModel):
    model_config = {"extra": "allow"}


class ShelfService(ServiceBase[Shelf, Anything, Anything]):
    pass


class BoxService(ServiceBase[Box, Anything, Anything]):
    pass
