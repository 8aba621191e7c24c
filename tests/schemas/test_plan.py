"""Whether a schema fits a model is known before any statement runs."""

from collections.abc import Sequence
from typing import Annotated, Any, Optional

import pytest
from pydantic import BaseModel, Field, RootModel
from tests.guild import Hero, Seat

from colonnade.errors import InvalidSchema
from colonnade.schemas import plan_of


class CityRead(BaseModel):
    name: str | None


class TeamRead(BaseModel):
    name: str
    city: CityRead | None


class MissionRead(BaseModel):
    title: Annotated[str, Field(min_length=1)]


class Later(BaseModel):
    id: int
    team: Optional["Declared"]


class Declared(BaseModel):
    name: str


class Recursive(BaseModel):
    id: int
    pupils: list["Recursive"]


class Nowhere(BaseModel):
    id: int
    team: "Missing"  # type: ignore[name-defined]  # noqa: F821 # the point of it


def refusal(schema: Any, model: type[Any] = Hero) -> InvalidSchema:
    with pytest.raises(InvalidSchema) as caught:
        plan_of(model, schema)
    return caught.value


def test_a_plan_has_columns_single_objects_and_collections() -> None:
    class Numbered(BaseModel):
        id: int

    class Full(BaseModel):
        id: int
        name: Annotated[str, Field(max_length=5)]
        team: Annotated[Optional[Annotated[TeamRead, "x"]], "y"]  # noqa: UP045 # one more spelling
        missions: Annotated[list[MissionRead] | None, "z"]
        pupils: tuple[Numbered, ...]
        powers: Sequence[Numbered]

    plan = plan_of(Hero, Full)
    assert [leaf.field for leaf in plan.columns] == ["id", "name"]
    assert [nested.field for nested in plan.ones] == ["team"]
    assert [nested.field for nested in plan.ones[0].plan.ones] == ["city"]
    assert [nested.field for nested in plan.many] == ["missions", "pupils", "powers"]
    assert plan_of(Hero, Full) is plan


def test_a_schema_may_name_one_that_is_declared_after_it() -> None:
    assert [nested.plan.schema for nested in plan_of(Hero, Later).ones] == [Declared]


def test_a_schema_that_names_one_that_is_nowhere_is_refused() -> None:
    error = refusal(Nowhere)
    assert error.message == "Nowhere refers to Missing, which is nowhere"


def test_an_unknown_field_is_refused_with_the_nearest_right_one() -> None:
    class Wrong(BaseModel):
        id: int
        nmae: str

    error = refusal(Wrong)
    assert error.message == "Wrong.nmae: Hero has nothing that fills it"
    assert (error.hint or "").startswith("did you mean 'name'? Hero has: ")
    assert (error.model, error.fields) == ("Hero", ("nmae",))


def test_an_unknown_field_of_a_nested_schema_is_named_with_its_model() -> None:
    class WrongCity(BaseModel):
        contry: str

    class WrongTeam(BaseModel):
        city: WrongCity | None

    class Wrong(BaseModel):
        team: WrongTeam | None

    error = refusal(Wrong)
    assert error.message == "WrongCity.contry: City has nothing that fills it"
    assert (error.hint or "").startswith("did you mean 'country'? City has: ")


def test_one_object_is_no_list_and_many_are_one() -> None:
    class ListOfOne(BaseModel):
        team: list[TeamRead]

    class OneOfMany(BaseModel):
        missions: MissionRead

    error = refusal(ListOfOne)
    assert error.message == "ListOfOne.team: Hero.team has one object"
    assert error.hint == "annotate it as TeamRead | None"
    error = refusal(OneOfMany)
    assert error.message == "OneOfMany.missions: Hero.missions has many objects"
    assert error.hint == "annotate it as list[MissionRead]"


def test_an_object_that_is_always_there_needs_no_none() -> None:
    from tests.guild import Mission

    class Wrong(BaseModel):
        hero: list[MissionRead]

    assert refusal(Wrong, Mission).hint == "annotate it as MissionRead"


@pytest.mark.parametrize("annotation", [int, dict[str, int], list[int], list, TeamRead | int, Any])
def test_a_relation_needs_a_schema_of_its_own(annotation: Any) -> None:
    wrong = type("Wrong", (BaseModel,), {"__annotations__": {"team": annotation}})
    error = refusal(wrong)
    assert error.message == "Wrong.team is filled by a relation, which needs a schema of its own"


def test_a_schema_nested_in_itself_is_refused() -> None:
    error = refusal(Recursive)
    assert error.message == "Recursive is nested in itself without an end"
    assert (error.hint or "").startswith("say how deep: into(Recursive, depth=3)")


def test_a_model_may_be_nested_in_itself_by_a_schema_for_each_level() -> None:
    class Inner(BaseModel):
        id: int

    class Middle(BaseModel):
        pupils: list[Inner]

    class Outer(BaseModel):
        pupils: list[Middle]
        mentor: Inner | None

    plan = plan_of(Hero, Outer)
    assert plan.many[0].plan.many[0].plan.schema is Inner


@pytest.mark.parametrize("schema", [int, "HeroRead", list[TeamRead], None, {}, [TeamRead]])
def test_what_is_no_schema_is_refused(schema: Any) -> None:
    assert "is no schema" in refusal(schema).message


def test_a_table_is_no_schema() -> None:
    error = refusal(Hero)
    assert error.message == "Hero is a table, not a schema"


def test_a_schema_without_fields_is_refused() -> None:
    class Empty(BaseModel):
        pass

    assert refusal(Empty).message == "Empty has no fields"
    assert refusal(RootModel[int]).message == "RootModel[int] has no fields"


def test_columns_go_by_attribute() -> None:
    class SeatRead(BaseModel):
        hall: str
        number: int

    plan = plan_of(Seat, SeatRead)
    assert [leaf.column.column.name for leaf in plan.columns if leaf.column] == ["hallName", "no"]
