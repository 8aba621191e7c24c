"""Canaries of the layout of the core schema that Pydantic builds, which it does not document."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    BeforeValidator,
    Field,
    field_validator,
    model_validator,
)

from colonnade._compat.pydantic_core_schema import (
    copy_with_inner,
    core_schema_of,
    fields_of,
    has_before_validator,
    lookup_paths,
    resolve_reference,
)
from colonnade.errors import InvalidSchema


class Team(BaseModel):
    name: str


class Hero(BaseModel):
    name: str
    age: int | None = None
    team: Team | None = None
    friends: list[Hero] = []
    alias: str = Field(validation_alias=AliasChoices("nick", AliasPath("names", 0)))

    @field_validator("name")
    @classmethod
    def _check(cls, value: str) -> str:
        return value


class Looking(BaseModel):
    name: str

    @model_validator(mode="before")
    @classmethod
    def _look(cls, value: Any) -> Any:
        return value


class Missing(BaseModel):
    other: Nowhere  # type: ignore[name-defined]  # noqa: F821  # that is the point


def test_a_schema_has_a_node_for_each_field_also_where_it_refers_to_itself() -> None:
    assert list(fields_of(Hero)) == ["name", "age", "team", "friends", "alias"]
    core, definitions = core_schema_of(Hero)
    assert core["type"] == "definitions"
    assert [node["cls"] for node in definitions.values()] == [Hero]


def test_a_field_is_looked_up_by_its_aliases_in_order_and_then_by_its_name() -> None:
    fields = fields_of(Hero)
    assert lookup_paths(fields["alias"], "alias") == [("nick",), ("names", 0), ("alias",)]
    assert lookup_paths(fields["alias"], "alias", by_alias=False) == [("alias",)]
    assert lookup_paths(fields["name"], "name") == [("name",)]


@pytest.mark.parametrize(
    ("schema", "looks"),
    [
        (Hero, False),
        (Team, False),
        (Looking, True),
    ],
)
def test_a_before_validator_of_a_schema_is_seen(schema: type[BaseModel], looks: bool) -> None:
    core, definitions = core_schema_of(schema)
    assert has_before_validator(core, (schema,), definitions) is looks


def test_a_before_validator_of_an_annotation_is_seen() -> None:
    class Reads(BaseModel):
        team: Annotated[Team, BeforeValidator(lambda value: value)]

    node = fields_of(Reads)["team"]["schema"]
    assert has_before_validator(node, (Team,), {})


def test_a_copy_changes_what_is_inside_of_a_node_and_not_the_node() -> None:
    core, definitions = core_schema_of(Team)
    seen = []

    def change(node: dict[str, Any]) -> dict[str, Any]:
        seen.append(resolve_reference(node, definitions)["type"])
        return {"type": "any"}

    copied = copy_with_inner(core, change)
    assert seen == ["model"]
    assert copied["items_schema"] == {"type": "any"}
    assert core["items_schema"] != copied["items_schema"]


def test_a_class_that_an_annotation_names_and_nobody_defines_is_told() -> None:
    with pytest.raises(InvalidSchema, match="Missing refers to Nowhere"):
        core_schema_of(Missing)
