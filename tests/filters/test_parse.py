"""What a wrong lookup is told, before any statement runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import MetaData
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel
from tests.guild import Hero, Odd

from colonnade.errors import (
    AmbiguousLookup,
    ColonnadeError,
    InvalidOperand,
    UnknownField,
    UnknownOperator,
)
from colonnade.filters import OPERATORS, parse_lookup, parse_lookups
from colonnade.filters.foreign import _NAMES, suggest_operator

SECRET = "s3cret-value"


class Alone(SQLModel, registry=registry(metadata=MetaData())):
    """Of its own, as the check at start-up refuses what it has."""


class Twice(Alone, table=True):
    id: int | None = Field(default=None, primary_key=True)
    a: int = 0
    a__lt: int = 0


def refused(model: type[SQLModel] = Hero, **given: Any) -> ColonnadeError:
    with pytest.raises(ColonnadeError) as caught:
        parse_lookups(model, given)
    assert SECRET not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("name", "model", "part", "near"),
    [
        ("nmae", "Hero", "nmae", "'name'"),
        ("NAME", "Hero", "NAME", "'name'"),
        ("nmae__icontains", "Hero", "nmae", "'name'"),
        ("team__nam", "Team", "nam", "'name'"),
        ("team__city__contry__in", "City", "contry", "'country'"),
        ("missions__plcae__name", "Mission", "plcae", "'place'"),
        ("tem__name", "Hero", "tem", "'team'"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_right_one(
    name: str, model: str, part: str, near: str
) -> None:
    error = refused(**{name: SECRET})
    assert type(error) is UnknownField
    assert error.message == f"{model} has no field {part!r}"
    assert (error.model, error.fields) == (model, (part,))
    assert error.hint is not None
    assert error.hint.startswith(f"did you mean {near}? {model} has: ")


def test_a_name_like_nothing_is_refused_with_all_there_is() -> None:
    error = refused(zzz=1)
    assert error.hint is not None
    assert error.hint.startswith("Hero has: active, age, badge, born")


def test_a_name_nearly_a_column_with_the_separator_is_blamed_whole() -> None:
    error = refused(Odd, a__bb=1)
    assert error.fields == ("a__bb",)
    assert (error.hint or "").startswith("did you mean 'a__b'?")


@pytest.mark.parametrize("name", ["team", "missions", "mentor__mentor"])
def test_a_relation_is_no_column(name: str) -> None:
    error = refused(**{name: 1})
    assert type(error) is UnknownField
    assert "is a relation, not a column" in error.message
    assert error.hint is not None
    assert error.hint.startswith(f"name a column of it, such as {error.fields[0]}__")


@pytest.mark.parametrize("name", ["team__in", "isnull", "missions__in"])
def test_an_operator_follows_a_column(name: str) -> None:
    error = refused(**{name: True})
    assert type(error) is UnknownField
    assert error.hint is not None
    assert error.hint.startswith("an operator follows a column, as in ")


@pytest.mark.parametrize(
    ("name", "near"),
    [("age__gt3", "'gt'"), ("age__zzz", None), ("name__icontain", "'icontains'")],
)
def test_an_unknown_operator_is_refused_with_the_nearest_right_one(
    name: str, near: str | None
) -> None:
    error = refused(**{name: SECRET})
    assert type(error) is UnknownOperator
    assert error.message == f"{name}: there is no operator {name.partition('__')[2]!r}"
    hint = error.hint or ""
    assert hint.startswith(f"did you mean {near}? operators: " if near else "operators: eq, ne")
    assert ("contains" in hint.partition("operators")[2]) is name.startswith("name")


@pytest.mark.parametrize("name", ["age__contains", "kind__icontains", "team__id__contains"])
def test_contains_is_for_text(name: str) -> None:
    error = refused(**{name: SECRET})
    assert type(error) is UnknownOperator
    assert "is for text" in error.message
    assert "contains" not in (error.hint or "")


@pytest.mark.parametrize(
    ("name", "value", "takes"),
    [
        ("age", SECRET, "int, not this str"),
        ("age", 1.5, "int, not this float"),
        ("age", True, "int, not this bool"),
        ("age__gte", [], "int, not this list"),
        ("height", True, "float, not this bool"),
        ("fee", True, "Decimal, not this bool"),
        ("active", SECRET, "bool, not this str"),
        ("name", 1, "str, not this int"),
        ("name__contains", 1, "str, not this int"),
        ("kind", SECRET, "Kind, not this str"),
        ("born", SECRET, "date, not this str"),
        ("seen", SECRET, "datetime, not this str"),
        ("badge", SECRET, "UUID, not this str"),
        ("id__in", [1, SECRET], "int, not this str"),
        ("id", 2**63, "int, not this int"),
        ("name", f"{SECRET}\ud800", "str, not this str"),
        ("name__icontains", f"{SECRET}\ud800", "str, not this str"),
    ],
)
def test_a_value_of_another_type_is_refused_by_type_and_not_by_value(
    name: str, value: Any, takes: str
) -> None:
    error = refused(**{name: value})
    assert type(error) is InvalidOperand
    assert error.message == f"{name} takes {takes}"
    assert error.fields == (name,)


def test_the_reason_tells_what_was_expected() -> None:
    assert refused(kind=SECRET).hint == "Input should be 'hero' or 'villain'"
    assert refused(id=2**70).hint == "an integer has at most 64 bits"


@pytest.mark.parametrize("operator", ["gt", "gte", "lt", "lte", "contains", "icontains", "in"])
def test_none_is_compared_with_nothing(operator: str) -> None:
    error = refused(**{f"name__{operator}": None})
    assert type(error) is InvalidOperand
    assert error.hint == "ask for NULL with name__isnull=True"


def test_none_is_not_among_values() -> None:
    error = refused(team__id__in=[1, None])
    assert error.message == "team__id__in: None is never equal to anything"
    assert error.hint == "ask for NULL with id__isnull=True"


@pytest.mark.parametrize("values", [SECRET, b"ab", 3, iter([1])])
def test_in_takes_a_collection_and_no_string(values: Any) -> None:
    error = refused(name__in=values)
    assert type(error) is InvalidOperand
    assert error.message == f"name__in takes a collection of values, not {type(values).__name__}"


def test_in_takes_no_more_values_than_a_packet_holds() -> None:
    error = refused(id__not_in=range(200_001))
    assert error.message == "id__not_in takes at most 200000 values"


@pytest.mark.parametrize("value", [1, "true", None])
def test_isnull_takes_a_bool(value: Any) -> None:
    error = refused(age__isnull=value)
    assert type(error) is InvalidOperand
    assert error.message == f"age__isnull takes True or False, not {type(value).__name__}"


def test_a_lookup_that_could_mean_two_things_is_refused() -> None:
    error = refused(Twice, a__lt=1)
    assert type(error) is AmbiguousLookup
    assert error.message == "Twice: 'a__lt' could mean two things"
    assert parse_lookup(Twice, "a__lt__eq", 1).column.name == "a__lt"


def test_what_no_name_can_be_is_refused() -> None:
    for name in (1, None, "team__heroes__" * 500 + "id"):
        with pytest.raises(UnknownField, match="named by a string of at most 256"):
            parse_lookups(Hero, {name: 1})  # type: ignore[dict-item] # the point of it


def test_one_lookup_is_one_leaf_whatever_its_value() -> None:
    (one, two), values = parse_lookups(Hero, {"age__gt": 1, "team__name": "x"})
    assert parse_lookup(Hero, "age__gt", 99) is one
    assert parse_lookup(Hero, "team__name__eq", "y") is not two
    assert parse_lookup(Hero, "team__name", "y") is two
    assert values == (1, "x")


def test_null_and_flags_are_part_of_the_shape_and_bind_nothing() -> None:
    nodes, values = parse_lookups(
        Hero, {"age": None, "name__ne": None, "age__isnull": True, "id": 1}
    )
    assert [node.flag for node in nodes] == [True, False, True, None]
    assert [node.binds for node in nodes] == [False, False, False, True]
    assert values == (1,)
    assert parse_lookup(Hero, "age__isnull", False) is not parse_lookup(Hero, "age__isnull", True)


def test_a_value_is_checked_as_the_models_annotation_says() -> None:
    _, values = parse_lookups(Hero, {"id": "7", "born": "2020-02-29", "kind": "hero"})
    assert values[0] == 7
    assert (values[1].day, values[2].name) == (29, "HERO")
    _, values = parse_lookups(Hero, {"seen": "2020-01-01T00:00:00+00:00"})
    assert isinstance(values[0], datetime)


def test_every_operator_says_what_it_is() -> None:
    assert list(OPERATORS) == [
        "eq", "ne", "gt", "gte", "lt", "lte", "between", "in", "not_in", "is", "is_not", "isnull",
        "like", "notlike", "ilike", "notilike", "contains", "icontains", "startswith",
        "istartswith", "endswith", "iendswith", "iexact", "match", "has_key", "overlap", "includes",
    ]  # fmt: skip
    assert all(item.summary for item in OPERATORS.values())


class Others(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Trailing(Others, table=True):
    id: int | None = Field(default=None, primary_key=True)
    id_: int = 0
    bytes_: int = 0


@pytest.mark.parametrize(
    ("name", "column", "operator"),
    [
        ("bytes_", "bytes_", "eq"),
        ("bytes___gt", "bytes_", "gt"),
        ("bytes___eq", "bytes_", "eq"),
        ("id__eq", "id", "eq"),
        ("id___eq", "id_", "eq"),
    ],
)
def test_a_column_may_end_with_an_underscore(name: str, column: str, operator: str) -> None:
    node = parse_lookup(Trailing, name, 1)
    assert (node.column.name, node.operator.name) == (column, operator)


@pytest.mark.parametrize("name", ["id__", "team__name__", "team__"])
def test_a_separator_at_the_end_of_a_name_is_no_part_of_it(name: str) -> None:
    error = refused(**{name: 1})
    assert type(error) is UnknownField


def test_a_separator_at_the_end_is_told_to_be_left_out() -> None:
    error = refused(team__name__=SECRET)
    assert error.message == "Team has no field 'name__'"
    assert error.hint == "leave out what follows 'name', or name an operator, such as name__isnull"


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("age__exact", "'eq'"),
        ("age__range", "'between'"),
        ("age__ge", "'gte'"),
        ("age__neq", "'ne'"),
        ("age__notin_", "'not_in'"),
        ("age__is_null", "'isnull'"),
        ("age__not_isnull", "'isnull' with False"),
        ("name__not_like", "'notlike'"),
        ("name__starts_with", "'startswith'"),
        ("name__search", "'match'"),
        ("name__regex", "'like' for patterns"),
        ("born__year", "'between' with two moments"),
        ("born__YEAR", "'between' with two moments"),
        ("name__length", "an expression"),
    ],
)
def test_an_operator_of_another_library_is_told_ours(name: str, ours: str) -> None:
    error = refused(**{name: SECRET})
    assert type(error) is UnknownOperator
    assert (error.hint or "").startswith(f"here it is {ours}")
    assert "operators: eq, ne" in (error.hint or "")


def test_each_word_of_another_library_leads_to_an_operator_and_is_none() -> None:
    for ours, words in _NAMES.items():
        assert ours in OPERATORS
        for word in words.split():
            assert word not in OPERATORS
            assert suggest_operator(word) == repr(ours)


def test_a_relation_to_one_object_may_be_asked_whether_there_is_one() -> None:
    node, key = (
        parse_lookup(Hero, "team__isnull", True),
        parse_lookup(Hero, "team__id__isnull", True),
    )
    assert (node.steps, node.column, node.flag) == (key.steps, key.column, key.flag)
    assert parse_lookup(Hero, "mentor__team__isnull", False).column.name == "id"
    error = refused(team=None)
    assert (error.hint or "").endswith("team__isnull asks whether there is one")


def test_a_collection_is_never_null_and_says_what_to_ask() -> None:
    for name in ("missions__isnull", "team__heroes__isnull"):
        error = refused(**{name: True})
        assert type(error) is UnknownOperator
        path = name.removesuffix("__isnull")
        assert f'not_(some("{path}"))' in (error.hint or "")
