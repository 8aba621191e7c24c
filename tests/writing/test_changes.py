"""What a payload may change, and every reason why it may not, before the database is asked."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import AliasChoices, AliasPath, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from sqlmodel import SQLModel
from tests.guild import Anything, Hero, HeroCreate, HeroUpdate, Odd, Seat, Sheet, SheetUpdate

from colonnade.errors import InvalidChanges
from colonnade.mapping import with_article
from colonnade.writing import parse_insert, parse_update

SECRET = "s3cret-value"


class PlainUpdate(SQLModel):
    name: str | None = None
    age: int | None = Field(default=None, ge=0)


class Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)
    real_name: str = "nobody"
    order: int = Field(default=0, alias="sequence")
    limit: int = Field(default=0, validation_alias="most")
    db: int = Field(default=0, validation_alias=AliasChoices("base", AliasPath("bases", 0)))


def refusal(model: Any, schema: Any, payload: Any, of: Any = parse_update) -> InvalidChanges:
    with pytest.raises(InvalidChanges) as caught:
        of(model, schema, payload)
    assert SECRET not in str(caught.value)
    assert caught.value.model == model.__name__
    return caught.value


@pytest.mark.parametrize(
    "payload", [HeroUpdate(age=4), PlainUpdate(age=4), {"age": 4}, {"age": "4"}]
)
def test_only_what_was_set_is_changed(payload: Any) -> None:
    assert parse_update(Hero, HeroUpdate, payload) == {"age": 4}


def test_a_patch_may_set_null_where_null_may_be() -> None:
    assert parse_update(Hero, HeroUpdate, HeroUpdate(age=None)) == {"age": None}
    assert parse_update(Hero, HeroUpdate, {"team_id": None}) == {"team_id": None}


def test_an_empty_patch_changes_nothing() -> None:
    assert parse_update(Hero, HeroUpdate, {}) == {}
    assert parse_update(Hero, HeroUpdate, HeroUpdate()) == {}


def test_null_where_none_may_be_is_refused() -> None:
    for payload in ({"name": None}, HeroUpdate(name=None), PlainUpdate(name=None)):
        error = refusal(Hero, HeroUpdate, payload)
        assert error.problems == (("name", "None is not allowed"),)
        assert error.fields == ("name",)


def test_an_unknown_key_is_refused_with_the_nearest_right_one() -> None:
    error = refusal(Hero, HeroUpdate, {"nmae": SECRET, "zzz": SECRET})
    assert error.problems == (
        ("nmae", "HeroUpdate has no such field; did you mean 'name'?"),
        ("zzz", "HeroUpdate has no such field"),
    )
    assert refusal(Hero, HeroUpdate, {1: SECRET}).fields == ("1",)


def test_a_field_that_the_model_lacks_is_refused_with_the_nearest_right_one() -> None:
    class Wrong(BaseModel):
        nmae: str = ""

    for payload in (Wrong(nmae=SECRET), {"nmae": SECRET}):
        error = refusal(Hero, Wrong, payload)
        assert error.problems[0][1].startswith("Hero has no such column; did you mean 'name'?")


def test_the_key_the_version_and_what_is_computed_are_protected() -> None:
    error = refusal(Sheet, Anything, {"id": 1, "version": 2, "doubled": 3, "pages": 4})
    assert error.problems == (
        ("id", "protected: it is the key or the version of the row"),
        ("version", "protected: it is the key or the version of the row"),
        ("doubled", "protected: the database computes it"),
    )
    assert refusal(Seat, Anything, {"hall": "a", "number": 1}).fields == ("hall", "number")
    assert refusal(Sheet, SheetUpdate, SheetUpdate(version=3)).fields == ("version",)


def test_a_value_of_another_type_is_refused_by_type_and_not_by_value() -> None:
    error = refusal(Hero, HeroUpdate, {"age": SECRET})
    assert error.problems[0][0] == "age"
    assert "valid integer" in error.problems[0][1]
    error = refusal(Hero, Anything, {"age": SECRET, "active": SECRET, "born": 3.5})
    reasons = {
        "age": "age takes int, not this str: Input should be a valid integer",
        "active": "active takes bool, not this str: Input should be a valid boolean",
        "born": "born takes date, not this float: Datetimes provided to dates",
    }
    assert error.fields == tuple(reasons)
    for name, told in error.problems:
        assert told.startswith(reasons[name])
    assert refusal(Hero, Anything, {"age": True}).problems == (
        ("age", "age takes int, not this bool"),
    )
    assert refusal(Hero, PlainUpdate, {"age": -1}).fields == ("age",)


def test_every_reason_is_told_at_once() -> None:
    error = refusal(Hero, HeroUpdate, {"nmae": 1, "age": "x", "team_id": "y"})
    assert error.fields == ("nmae", "age", "team_id")
    assert all(f"{field}: " in error.message for field in error.fields)


def test_a_row_is_no_payload() -> None:
    for of in (parse_update, parse_insert):
        error = refusal(Hero, HeroUpdate, Hero(name=SECRET), of)
        assert error.message == "a Hero is a row, not a payload: it has every field set"
        assert error.hint == "hand in a HeroUpdate or a mapping"


@pytest.mark.parametrize("payload", [None, 3, "x", [("age", 1)], HeroUpdate])
def test_what_is_no_payload_is_refused(payload: Any) -> None:
    message = refusal(Hero, HeroUpdate, payload).message
    assert (
        message
        == f"a payload is a HeroUpdate or a mapping, not {with_article(type(payload).__name__)}"
    )


@pytest.mark.parametrize(
    ("payload", "changes"),
    [
        ({"real_name": "x"}, {"real_name": "x"}),
        ({"realName": "x"}, {"real_name": "x"}),
        ({"sequence": 1}, {"order": 1}),
        ({"order": 1}, {"order": 1}),
        ({"most": 1}, {"limit": 1}),
        ({"base": 1}, {"db": 1}),
        ({"bases": [1]}, {"db": 1}),
        (Camel(realName="x", most=3), {"real_name": "x", "limit": 3}),  # type: ignore[call-arg] # by alias
    ],
)
def test_a_mapping_goes_by_name_or_by_alias(payload: Any, changes: dict[str, Any]) -> None:
    assert parse_update(Odd, Camel, payload) == changes


def test_a_field_given_under_two_names_is_refused() -> None:
    error = refusal(Odd, Camel, {"order": 1, "sequence": 2})
    assert error.problems == (("order", "given twice, under different names"),)
    assert "did you mean 'sequence'?" in refusal(Odd, Camel, {"sequenc": 2}).message


def test_values_to_insert_are_every_field_with_its_default() -> None:
    values = parse_insert(Odd, Camel, {"realName": "x"})
    assert values == {"real_name": "x", "order": 0, "limit": 0, "db": 0}
    assert parse_insert(Hero, HeroCreate, HeroCreate(name="x"))["age"] is None


def test_a_default_of_none_leaves_a_column_to_fill_itself() -> None:
    class Loose(BaseModel):
        id: int | None = None
        title: str
        rating: int | None = None
        state: str | None = None

    assert parse_insert(Sheet, Loose, {"title": "x"}) == {"title": "x"}
    assert parse_insert(Sheet, Loose, {"title": "x", "rating": None}) == {
        "title": "x",
        "rating": None,
    }
    assert refusal(Sheet, Loose, {"title": "x", "state": None}, parse_insert).fields == ("state",)


def test_a_required_column_that_no_field_fills_is_named() -> None:
    class Short(BaseModel):
        age: int = 0

    error = refusal(Hero, Short, Short(), parse_insert)
    assert error.problems == (("name", "Hero needs a value"),)
    error = refusal(Hero, HeroCreate, {"nam": "x"}, parse_insert)
    assert error.problems == (
        ("nam", "HeroCreate has no such field; did you mean 'name'?"),
        ("name", "Field required"),
    )
    assert refusal(Seat, Short, Short(), parse_insert).fields == ("age", "hall", "number")


def test_what_a_computed_column_is_given_is_refused() -> None:
    assert refusal(Sheet, Anything, {"title": "x", "doubled": 1}, parse_insert).fields == (
        "doubled",
    )


def test_extra_fields_that_a_schema_allows_are_not_lost() -> None:
    assert parse_insert(Hero, Anything, {"name": "x", "age": 3}) == {"name": "x", "age": 3}
    assert parse_insert(Hero, Anything, Anything(name="x")) == {"name": "x"}  # type: ignore[call-arg] # extra
    assert refusal(Hero, Anything, {"name": "x", "nmae": 3}, parse_insert).fields == ("nmae",)


def test_values_are_what_the_column_holds() -> None:
    class Texts(BaseModel):
        name: str
        born: str
        fee: str

    values = parse_insert(Hero, Texts, {"name": "x", "born": "2020-01-02", "fee": "1.50"})
    assert (values["born"].day, str(values["fee"])) == (2, "1.50")


def test_a_payload_by_model_construct_is_its_fields_and_is_checked() -> None:
    assert parse_update(Hero, HeroUpdate, HeroUpdate.model_construct(age=5)) == {"age": 5}
    given = HeroUpdate.model_construct({"age"}, age=5, name="b")
    assert parse_update(Hero, HeroUpdate, given) == {"age": 5}
    error = refusal(Hero, HeroUpdate, HeroUpdate.model_construct(age=SECRET))
    assert error.fields == ("age",)
    lacking = refusal(Hero, HeroCreate, HeroCreate.model_construct(age=5), of=parse_insert)
    assert "name" in lacking.fields
