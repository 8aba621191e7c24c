"""What PostgreSQL writes as Pydantic does, column by column, and why not the rest."""

from datetime import date, datetime, time
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    NaiveDatetime,
    PlainSerializer,
    PrivateAttr,
    RootModel,
    computed_field,
    create_model,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)
from sqlmodel import SQLModel
from tests.shelves import Box, Colour, Grade, Mood, Shelf

from colonnade import Rows
from colonnade.documents import json_layout_of, why_not_server_json
from colonnade.schemas import plan_of

EXACT: list[tuple[str, Any]] = [
    ("id", int),
    ("number", int | None),
    ("number", float | None),
    ("number", Decimal | None),
    ("number", Literal[1, 2] | None),
    ("number", Grade | None),
    ("number", int),
    ("big", int | None),
    ("big", float | None),
    ("word", str | None),
    ("word", Colour | None),
    ("word", Literal["red"]),
    ("code", str | None),
    ("flag", bool | None),
    ("ratio", float | None),
    ("single", float | None),
    ("price", Decimal | None),
    ("whole", Decimal | None),
    ("tiny", Decimal | None),
    ("token", UUID | None),
    ("day", date | None),
    ("moment", datetime | None),
    ("moment", AwareDatetime | None),
    ("instant", datetime | None),
    ("zoned", datetime | None),
    ("local", datetime | None),
    ("local", NaiveDatetime | None),
    ("colour", Colour | None),
    ("grade", Grade | None),
    ("mood", Mood | None),
    ("data", Any),
    ("data", dict[str, Any] | None),
    ("note", list[Any] | None),
    ("kept", dict | None),
]
INEXACT: list[tuple[str, Any, str]] = [
    ("number", str, "'str' from a column of Integer"),
    ("number", Annotated[int, Field(ge=1)], "ge"),
    ("word", Annotated[str, Field(max_length=3)], "max length"),
    ("word", Annotated[str, Field(pattern="a")], "pattern"),
    ("word", bytes, "'bytes'"),
    ("word", Any, "'any' from a column of AutoString"),
    ("ratio", Annotated[float, Field(allow_inf_nan=False)], "allow inf nan"),
    ("ratio", Decimal, "'decimal' from a column of Float"),
    ("price", float, "'float' from a column of ExactDecimal"),
    ("fine", Decimal, "'decimal' from a column of Numeric"),
    ("loose", Decimal, "'decimal' from a column of Numeric"),
    ("token", str, "'str' from a column of Uuid"),
    ("day", datetime, "'datetime' from a column of Date"),
    ("moment", NaiveDatetime, "'datetime' from a column of UTCDateTime"),
    ("local", AwareDatetime, "'datetime' from a column of DateTime"),
    ("hour", time, "'time'"),
    ("colour", Mood, "'enum' from a column of EnumValue"),
    ("mood", str, "'str' from a column of Enum"),
    ("data", list[int], "'list' from a column of JSONB"),
    ("data", dict[int, Any], "'dict' from a column of JSONB"),
    ("big", int | str, "'union'"),
    ("number", Annotated[int, PlainSerializer(str)], "serialization"),
]


def told(model: type[Any], schema: type[BaseModel]) -> str | None:
    plan = plan_of(model, schema)
    assert (json_layout_of(plan) is None) is (why_not_server_json(plan) is not None)
    return why_not_server_json(plan)


@pytest.mark.parametrize(("name", "kind"), EXACT)
def test_a_column_in_a_field_is_written_by_the_server(name: str, kind: Any) -> None:
    assert told(Box, create_model("Read", **{name: (kind, ...)})) is None


@pytest.mark.parametrize(("name", "kind", "why"), INEXACT)
def test_a_column_in_another_field_is_not_and_it_is_said_why(
    name: str, kind: Any, why: str
) -> None:
    assert told(Box, create_model("Read", **{name: (kind, ...)})) == f"Read.{name}: {why}"


class Computed(BaseModel):
    number: int

    @computed_field
    def double(self) -> int:
        return self.number * 2


class Validated(BaseModel):
    number: int

    @field_validator("number")
    @classmethod
    def check(cls, value: int) -> int:
        return value


class Checked(BaseModel):
    number: int

    @model_validator(mode="after")
    def check(self) -> "Checked":
        return self


class Serialised(BaseModel):
    number: int

    @field_serializer("number")
    def write(self, value: int) -> str:
        return str(value)


class Whole(BaseModel):
    number: int

    @model_serializer
    def write(self) -> dict[str, Any]:
        return {}


class Private(BaseModel):
    number: int
    _seen: int = PrivateAttr(default=1)


class After(BaseModel):
    number: int

    def model_post_init(self, context: Any) -> None:
        self.number = 1


class Left(BaseModel):
    number: int = Field(exclude=True)


class Twice(BaseModel):
    number: int = Field(serialization_alias="one")
    big: int = Field(serialization_alias="one")


class Long(BaseModel):
    number: int = Field(serialization_alias="ü" * 32)


class Nameless(BaseModel):
    number: int = Field(serialization_alias="")


class Lowered(BaseModel):
    model_config = ConfigDict(str_to_lower=True)
    word: str


class Spelled(BaseModel):
    model_config = ConfigDict(ser_json_inf_nan="strings")
    ratio: float


class Timed(BaseModel):
    model_config = ConfigDict(ser_json_temporal="seconds")
    moment: datetime


class Harmless(SQLModel):
    number: int | None = Field(default=3, title="n", description="d", alias="num")
    word: str | None = None


class Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", title="t")
    number: int | None
    colour: Colour | None
    price: Decimal | None


class StrictEnum(BaseModel):
    model_config = ConfigDict(strict=True)
    word: Colour | None


class Length(RootModel[int]):
    pass


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        (Computed, "Computed.double: computed"),
        (Validated, "Validated.number: a validator of its own"),
        (Checked, "Checked: a validator of its own"),
        (Serialised, "Serialised.number: serialization"),
        (Whole, "Whole: serialization"),
        (Private, "Private: post init"),
        (After, "After: post init"),
        (Left, "Left.number: serialization exclude"),
        (Twice, "Twice.big: two fields are written under one name"),
        (Long, "Long.number: a name that PostgreSQL does not keep"),
        (Nameless, "Nameless.number: a name that PostgreSQL does not keep"),
        (Lowered, "Lowered: the setting str_to_lower"),
        (Spelled, "Spelled: the setting ser_json_inf_nan"),
        (Timed, "Timed: the setting ser_json_temporal"),
        (Harmless, None),
        (Strict, None),
        (StrictEnum, "StrictEnum.word: 'enum' from a column of AutoString"),
    ],
)
def test_what_changes_the_answer_is_read_as_rows(schema: type[BaseModel], why: str | None) -> None:
    assert told(Box, schema) == why


class Inner(BaseModel):
    number: int | None


class Odd(BaseModel):
    number: Annotated[int, Field(gt=0)]


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (list[Inner], None),
        (tuple[Inner, ...], None),
        (list[Inner] | None, None),
        (Annotated[list[Inner], Rows(limit=2)], None),
        (list[Odd], "Odd.number: gt"),
        (Annotated[list[Inner], Field(min_length=1)], "ShelfRead.boxes: min length"),
        (set[Inner], "ShelfRead.boxes: 'set'"),
    ],
)
def test_a_collection_is_written_as_its_objects_are(kind: Any, why: str | None) -> None:
    assert told(Shelf, create_model("ShelfRead", boxes=(kind, ...))) == why


def test_what_lies_below_the_depth_is_written_as_it_is_given() -> None:
    class Tree(BaseModel):
        name: str
        shelves: list["Tree"]

    plan = plan_of(Shelf, Tree, 2)
    assert why_not_server_json(plan) is None
