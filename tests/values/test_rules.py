"""The rule of each type: what a column stores for a value, or why it is none of its values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Annotated, Any, Literal

import pytest
import sqlalchemy as sa
from pydantic import AfterValidator, EmailStr, Field, StringConstraints
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.types import TypeDecorator
from sqlmodel import AutoString
from tests.lexicon import Doubled

from colonnade.values import UnfitValue, rule_of, strip_validators

NAIVE = datetime(2024, 1, 1, 0, 0, 0, 123_456)  # noqa: DTZ001 # for columns without a zone


class Colour(Enum):
    RED = "rouge"
    BLUE = "bleu"


class Crossed(Enum):
    """The name of each member is the value of the other."""

    LEFT = "RIGHT"
    RIGHT = "LEFT"


class State(StrEnum):
    OPEN = "open"


class Rank(IntEnum):
    LOW = 1


class Loud(str):
    def __str__(self) -> str:
        return "!"


def written(stored: Any, value: Any, kind: Any = Any) -> Any:
    return rule_of(kind, stored, writing=True)(value)


def reason(stored: Any, value: Any, kind: Any = Any, *, writing: bool = True) -> str | None:
    with pytest.raises(UnfitValue) as caught:
        rule_of(kind, stored, writing=writing)(value)
    return caught.value.reason


@pytest.mark.parametrize(
    ("stored", "least", "most"),
    [
        (sa.SmallInteger(), -(2**15), 2**15 - 1),
        (sa.Integer(), -(2**31), 2**31 - 1),
        (sa.BigInteger(), -(2**63), 2**63 - 1),
        (mysql.TINYINT(), -128, 127),
        (mysql.TINYINT(unsigned=True), 0, 255),
        (mysql.MEDIUMINT(), -(2**23), 2**23 - 1),
        (mysql.SMALLINT(unsigned=True), 0, 2**16 - 1),
        (mysql.INTEGER(unsigned=True), 0, 2**32 - 1),
        (mysql.BIGINT(unsigned=True), 0, 2**64 - 1),
        # The usual way to a key that SQLite counts up itself, and its opposite.
        (sa.BigInteger().with_variant(sa.Integer(), "sqlite"), -(2**63), 2**63 - 1),
        (sa.Integer().with_variant(sa.BigInteger(), "postgresql"), -(2**63), 2**63 - 1),
    ],
)
def test_an_integer_is_within_its_columns_range(stored: Any, least: int, most: int) -> None:
    assert [written(stored, number) for number in (least, most, str(most))] == [least, most, most]
    for beyond in (least - 1, most + 1):
        assert "integer" in str(reason(stored, beyond))


def test_the_largest_unsigned_integer_can_be_looked_for() -> None:
    look = rule_of(int, mysql.BIGINT(unsigned=True), writing=False)
    assert look(2**64 - 1) == 2**64 - 1
    assert look(-1) == -1
    assert reason(sa.Integer(), 2**64 - 1, writing=False) == "an integer has at most 64 bits"


@pytest.mark.parametrize(
    ("stored", "kept", "refused"),
    [
        (sa.String(3), ["abc", "😀é"], ["abcd", "ab  "]),
        (AutoString(length=3), ["abc"], ["abcd"]),
        (sa.CHAR(3), ["ab"], ["ab ", "abcd"]),
        (sa.Text(), ["x" * 10_000], ["a\0", "\ud800", 1, b"a", True, Rank.LOW]),
        (mysql.VARCHAR(9, charset="latin1"), ["é€"], ["日", "😀"]),
        (mysql.VARCHAR(9, charset="utf8mb3"), ["日"], ["😀"]),
        (mysql.VARCHAR(9, charset="utf8mb4"), ["😀"], []),
        (sa.String(9, collation="latin1_swedish_ci"), ["é"], ["日"]),
        (sa.String(9, collation="utf8mb3_bin"), ["日"], ["😀"]),
        (sa.String(9, collation="de-x-icu"), ["日😀"], []),
        (mysql.VARCHAR(9, ascii=True), ["a"], ["é"]),
    ],
)
def test_a_text_fits_its_columns_length_and_letters(
    stored: Any, kept: Sequence[str], refused: Sequence[Any]
) -> None:
    assert [written(stored, text) for text in kept] == list(kept)
    assert all(reason(stored, text) for text in refused)
    # A question may be longer, and in any letters.
    look = rule_of(str, stored, writing=False)
    assert look("日本語 ") == "日本語 "


def test_a_text_of_a_class_of_its_own_is_its_letters() -> None:
    assert type(written(sa.String(), Loud("quiet"))) is str
    assert written(sa.String(), Loud("quiet")) == "quiet"
    assert type(written(sa.String(), State.OPEN)) is str


@pytest.mark.parametrize(
    ("stored", "kept", "refused"),
    [
        (sa.Numeric(4, 1), ["999.9", "1.50", "-0.10", "0", "0E-9"], ["1000", "1.25", "1E+30"]),
        (sa.Numeric(4), ["9999", "1.0"], ["1.5", "10000"]),
        (sa.Numeric(), ["0." + "1" * 30, "1" * 35], ["0." + "1" * 31, "NaN", "-Infinity", "sNaN"]),
    ],
)
def test_a_decimal_is_never_rounded(
    stored: Any, kept: Sequence[str], refused: Sequence[str]
) -> None:
    for text in kept:
        assert written(stored, Decimal(text)) == Decimal(text) == written(stored, text)
    for text in refused:
        assert reason(stored, Decimal(text))
    assert reason(sa.Numeric(4, 1), Decimal("1.25")) == (
        "the column holds at most 1 digits after the point: "
        "round the value on purpose, with Decimal.quantize"
    )


def test_a_float_is_finite_and_no_integer_that_it_would_round() -> None:
    assert written(sa.Float(), 2**53) == 2.0**53
    assert written(sa.Float(), Decimal("0.5")) == 0.5
    for value in (2**53 + 1, Decimal("0.1234567890123456789"), float("nan"), float("-inf"), True):
        with pytest.raises(UnfitValue):
            written(sa.Float(), value)


@pytest.mark.parametrize(
    ("stored", "value", "why"),
    [
        (sa.DateTime(timezone=True), NAIVE, "give it a tzinfo"),
        (sa.DateTime(), NAIVE.replace(tzinfo=UTC), "hand in a naive datetime"),
        (sa.Time(), time(1, tzinfo=UTC), "hand in a naive time"),
        (sa.Date(), NAIVE.replace(tzinfo=UTC), "hand in its date()"),
        (mysql.DATETIME(), NAIVE, "keeps 0 digits of a second's fraction"),
        (mysql.DATETIME(fsp=3), NAIVE, "keeps 3 digits of a second's fraction"),
        (postgresql.TIMESTAMP(precision=0), NAIVE, "keeps 0 digits of a second's fraction"),
        (postgresql.TIME(precision=2), time(1, 2, 3, 4), "keeps 2 digits of a second's fraction"),
    ],
)
def test_a_moment_is_refused_where_a_part_of_it_would_be_lost(
    stored: Any, value: Any, why: str
) -> None:
    assert why in str(reason(stored, value))


def test_a_moment_is_kept_where_all_of_it_is() -> None:
    assert written(mysql.DATETIME(fsp=3), NAIVE.replace(microsecond=120_000)).microsecond == 120_000
    assert written(sa.Date(), NAIVE.replace(hour=0, microsecond=0)) == date(2024, 1, 1)


def test_an_enum_annotated_as_text_is_asked_by_member_value_or_name() -> None:
    native = sa.Enum(Colour)
    for value in (Colour.RED, "rouge", "RED"):
        assert written(native, value, str) is Colour.RED
    assert reason(native, "RED", Colour)
    assert "another of this value" in str(reason(sa.Enum(Crossed), "LEFT", str))
    assert written(sa.Enum(Crossed), "LEFT", Crossed) is Crossed.RIGHT
    by_value = sa.Enum(Colour, values_callable=lambda kind: [item.value for item in kind])
    assert written(by_value, "rouge", str) is Colour.RED
    assert reason(by_value, "RED", str)
    assert written(sa.Enum("open", "shut"), State.OPEN, State) == "open"
    assert reason(sa.Enum("open", "shut"), "ajar", str)


@pytest.mark.parametrize("writing", [True, False])
def test_what_lists_its_values_is_no_validator(writing: bool) -> None:
    text = rule_of(State, sa.String(), writing=writing)
    assert type(text(State.OPEN)) is str
    assert text("open") == "open"
    with pytest.raises(UnfitValue):
        text("ajar")
    assert rule_of(Rank, sa.Integer(), writing=writing)("1") == 1
    literal = rule_of(Literal["S", "M"], sa.String(), writing=writing)
    assert literal("S") == "S"
    with pytest.raises(UnfitValue):
        literal("L")


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        (int | None, int),
        (Annotated[int, Field(ge=0)], int),
        (Annotated[str, StringConstraints(to_lower=True)] | None, str),
        (Annotated[Annotated[int, AfterValidator(abs)] | None, Field()], int),
        (EmailStr | None, str),
        (Literal["a", None], Literal["a"]),  # noqa: PYI061 # as some write it
        (list[int] | None, list[int]),
        (Annotated[int, Field(ge=0)] | str | None, int | str),
    ],
)
def test_an_annotation_says_a_type_and_its_validators_are_left_out(
    annotation: Any, kind: Any
) -> None:
    assert strip_validators(annotation) == kind


def test_the_items_of_an_array_are_values_of_their_own_type() -> None:
    tags = sa.ARRAY(sa.String(3))
    assert written(tags, ("a", "b"), list[str]) == ["a", "b"]
    assert written(tags, ["a", None], list[str | None]) == ["a", None]
    assert written(sa.ARRAY(sa.Integer), [[1], ["2"]], list[list[int]]) == [[1], [2]]
    assert written(sa.ARRAY(sa.String), [State.OPEN], list[State]) == ["open"]
    assert reason(tags, ["abcd"], list[str]) == "the column holds at most 3 letters"
    assert reason(tags, ["a", None], list[str]) == "Input should be a valid string"
    assert reason(sa.ARRAY(sa.SmallInteger), [2**15], list[int])
    for value in ("abc", b"abc", {"a": 1}, 1):
        assert reason(tags, value, list[str]) == "Input should be a valid list"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({1: 2}, "the keys of JSON are texts"),
        ({"a": {1}}, "set is not JSON"),
        ([Decimal(1)], "Decimal is not JSON"),
        ([float("nan")], "NaN and Infinity are not JSON"),
        ({"\0": 1}, "the character NUL is in no text"),
        (["\udc00"], "half a surrogate pair is no character"),
        ([10**4300], "an integer in JSON has at most 4300 digits"),
    ],
)
def test_json_is_what_every_database_and_python_read_alike(value: Any, why: str) -> None:
    assert reason(sa.JSON(), value) == why


def test_json_is_of_the_sort_that_is_annotated() -> None:
    assert written(sa.JSON(), {"a": "1"}, dict[str, int]) == {"a": "1"}
    assert reason(sa.JSON(), [1], dict[str, int]) == "Input should be a valid dictionary"
    assert reason(sa.JSON(), "a", list[Any]) == "Input should be a valid list"


class Swallow(TypeDecorator[Any]):
    impl = sa.DateTime
    cache_ok = True


def test_a_type_of_the_users_own_takes_what_is_annotated() -> None:
    assert written(Doubled(), 2**15, int) == 2**15
    assert reason(Doubled(), 2**15, int, writing=False) == "the column holds integers of 16 bits"
    assert written(Swallow(), NAIVE.replace(tzinfo=UTC), datetime) == NAIVE.replace(tzinfo=UTC)
    assert reason(Swallow(), "soon", datetime)
