"""What of a model fills the fields of a schema: aliases, expressions, code, depth."""

from collections.abc import Iterable
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal, Optional

import pytest
from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WrapValidator,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel
from sqlalchemy import MetaData, func
from sqlalchemy.ext.associationproxy import AssociationProxy, association_proxy
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import column_property, registry, synonym
from sqlmodel import Field as Column
from sqlmodel import Relationship, SQLModel
from tests.guild import Hero, Mission, Team

from colonnade import Requires, Rows, check_schema
from colonnade.errors import InvalidOperand, InvalidSchema, UnknownField
from colonnade.schemas import Plan, plan_of


class Base(SQLModel, registry=registry(metadata=MetaData())):
    model_config = ConfigDict(ignored_types=(hybrid_property,))  # type: ignore[assignment] # as told


class Person(Base, table=True):
    id: int | None = Column(default=None, primary_key=True)
    first: str
    last: str
    boss_id: int | None = Column(default=None, foreign_key="person.id")
    boss: Optional["Person"] = Relationship(
        sa_relationship_kwargs={"remote_side": "Person.id"}, back_populates="team"
    )
    team: list["Person"] = Relationship(back_populates="boss")
    species: ClassVar[str] = "human"
    names_of_team: ClassVar[AssociationProxy[list[str]]] = association_proxy("team", "first")

    @property
    def full(self) -> str:
        return f"{self.first} {self.last}"

    @cached_property
    def short(self) -> str:
        return self.full[:3]

    @hybrid_property
    def length(self) -> int:
        return len(self.first)

    @length.inplace.expression
    @classmethod
    def _length(cls) -> Any:
        return func.length(cls.first)

    @hybrid_property
    def python_only(self) -> str:
        return self.full.upper()

    def greet(self) -> str:
        return f"Hello {self.first}"


Person.__mapper__.add_property("nick", synonym("first"))
Person.__mapper__.add_property("loud", column_property(func.upper(Person.first)))


def refusal(schema: Any, model: type[Any] = Person, **options: Any) -> InvalidSchema:
    with pytest.raises(InvalidSchema) as caught:
        check_schema(model, schema, **options)
    return caught.value


def names(plan: Plan) -> dict[str, str]:
    return {leaf.field: leaf.name for leaf in plan.columns}


def test_aliases_that_the_model_has_count_before_the_name() -> None:
    class Read(BaseModel):
        a: str = Field(validation_alias="first")
        b: str = Field(alias="last")
        c: str = Field(validation_alias=AliasChoices("nowhere", "last", "first"))
        first: str = Field(validation_alias="last")

    assert names(plan_of(Person, Read)) == {"a": "first", "b": "last", "c": "last", "first": "last"}


def test_an_alias_that_the_model_does_not_have_is_one_for_the_answer() -> None:
    class Read(BaseModel):
        model_config = ConfigDict(alias_generator=to_camel)
        boss_id: int | None = None
        first: str = Field(alias="firstName")

    assert names(plan_of(Person, Read)) == {"boss_id": "boss_id", "first": "first"}


def test_an_alias_that_does_not_count_is_passed_over() -> None:
    class Read(BaseModel):
        model_config = ConfigDict(validate_by_name=True, validate_by_alias=False)
        first: str = Field(validation_alias="last")

    assert names(plan_of(Person, Read)) == {"first": "first"}


def test_an_alias_path_reads_what_is_at_its_end() -> None:
    class Read(BaseModel):
        boss_name: str = Field("none", validation_alias=AliasPath("boss", "first"))
        second: str = Field("none", validation_alias=AliasPath("team", 1, "last"))

    plan = plan_of(Person, Read)
    assert plan.objects
    assert names(plan.ones[0].plan) == {"first": "first"}
    assert names(plan.many[0].plan) == {"last": "last"}


@pytest.mark.parametrize("default", [..., "none"])
def test_an_alias_path_to_one_column_of_a_collection_is_refused(default: Any) -> None:
    class Read(BaseModel):
        names: list[str] = Field(default, validation_alias=AliasPath("team", "first"))

    error = refusal(Read)
    assert error.fields == ("names",)
    assert "Requires('team.first')" in (error.hint or "")


def test_an_alias_path_to_nowhere_is_refused() -> None:
    class Read(BaseModel):
        boss_name: str = Field(validation_alias=AliasPath("boss", "frist"))

    error = refusal(Read)
    assert error.message == "Read.boss_name looks for boss.frist"
    assert (error.hint or "").startswith("did you mean 'first'?")


def test_a_field_with_a_default_is_refused_like_any_other_that_nothing_fills() -> None:
    class Read(BaseModel):
        frist: str = ""

    error = refusal(Read)
    assert error.message == "Read.frist: Person has nothing that fills it"
    assert (error.hint or "").startswith("did you mean 'first'?")


def test_a_field_that_requires_nothing_keeps_its_default() -> None:
    class Read(BaseModel):
        first: str
        note: Annotated[str, Requires()] = "none"

    class Wrong(BaseModel):
        note: Annotated[str, Requires()]

    assert names(plan_of(Person, Read)) == {"first": "first"}
    assert not plan_of(Person, Read).objects
    assert refusal(Wrong).message == "Wrong.note: Person has nothing that fills it"


def test_expressions_and_synonyms_are_read_by_the_database() -> None:
    class Read(BaseModel):
        loud: str
        length: int
        nick: str

    plan = plan_of(Person, Read)
    assert not plan.objects
    assert names(plan) == {"loud": "loud", "length": "length", "nick": "first"}
    assert [leaf.column is None for leaf in plan.columns] == [True, True, False]


@pytest.mark.parametrize("name", ["full", "short", "python_only"])
def test_what_python_computes_has_to_say_what_it_looks_at(name: str) -> None:
    wrong: Any = type("Wrong", (BaseModel,), {"__annotations__": {name: str}})
    error = refusal(wrong)
    assert error.message == f"Wrong.{name}: Person.{name} is computed in Python"
    assert "Requires('first', …)" in (error.hint or "")
    right: Any = type(
        "Right",
        (BaseModel,),
        {"__annotations__": {name: Annotated[str, Requires("first", "last")]}},
    )
    assert names(check_schema(Person, right)) == {"first": "first", "last": "last"}


@pytest.mark.parametrize("name", ["greet", "metadata", "names_of_team", "model_fields_set"])
def test_methods_proxies_and_what_every_model_has_fill_nothing(name: str) -> None:
    wrong: Any = type(
        "Wrong",
        (BaseModel,),
        {"__annotations__": {"it": Any}, "it": Field(validation_alias=name)},
    )
    assert refusal(wrong).message == "Wrong.it: Person has nothing that fills it"


def test_an_attribute_of_the_class_is_read_for_every_object() -> None:
    class Read(BaseModel):
        species: str

    assert plan_of(Person, Read).columns == ()


@pytest.mark.parametrize(
    ("path", "message", "near"),
    [
        ("frist", "Read.full requires 'frist'", "first"),
        ("bos.first", "Read.full requires 'bos.first'", "boss"),
        ("boss.frist", "Read.full requires 'boss.frist'", "first"),
        ("full", "Read.full requires 'full'", "full"),
    ],
)
def test_what_is_required_and_not_there_is_refused(path: str, message: str, near: str) -> None:
    read: Any = type(
        "Read", (BaseModel,), {"__annotations__": {"full": Annotated[str, Requires(path)]}}
    )
    error = refusal(read)
    assert error.message == message
    assert near in (error.hint or "")


def test_code_that_runs_before_makes_a_plan_by_attributes() -> None:
    class Inner(BaseModel):
        first: str

    class Hooked(Inner):
        @model_validator(mode="before")
        @classmethod
        def look(cls, data: Any) -> Any:
            return data

    class Wrapped(Inner):
        @model_validator(mode="wrap")
        @classmethod
        def look(cls, data: Any, handler: Any) -> Any:
            return handler(data)

    class ByField(BaseModel):
        team: list[Inner]

        @field_validator("team", mode="before")
        @classmethod
        def look(cls, data: Any) -> Any:
            return data

    class Nested(BaseModel):
        boss: Hooked | None

    class Before(BaseModel):
        boss: Annotated[Inner | None, BeforeValidator(lambda data: data)]

    class Wrap(BaseModel):
        team: list[Annotated[Inner, WrapValidator(lambda data, handler: handler(data))]]

    class After(BaseModel):
        team: list[Inner]
        first: Annotated[str, BeforeValidator(str)]

        @model_validator(mode="after")
        def look(self) -> "After":
            return self

    for schema in (Hooked, Wrapped, ByField, Nested, Before, Wrap):
        assert plan_of(Person, schema).objects
    assert not plan_of(Person, After).objects


def test_names_of_related_objects_can_be_made_of_what_is_required() -> None:
    class Read(BaseModel):
        team: Annotated[list[str], Requires("team.first")]

        @field_validator("team", mode="before")
        @classmethod
        def first_names(cls, data: Any) -> Any:
            return [item.first for item in data]

    plan = plan_of(Person, Read)
    assert names(plan.many[0].plan) == {"first": "first"}


def test_a_schema_says_what_its_own_validators_look_at() -> None:
    class Read(BaseModel):
        reads: ClassVar = Requires("first", "boss.last", "team")
        label: Annotated[str, Requires()] = ""

        @model_validator(mode="before")
        @classmethod
        def label_it(cls, data: Any) -> Any:
            return {"label": data.first}

    plan = plan_of(Person, Read)
    assert names(plan) == {"first": "first"}
    assert [nested.relation.name for nested in plan.ones] == ["boss"]
    assert [nested.plan.columns for nested in plan.many] == [()]


def test_a_union_of_schemas_reads_what_any_of_them_takes() -> None:
    class Mine(BaseModel):
        kind: Literal["mine"] = Field(validation_alias="first")
        last: str

    class Other(BaseModel):
        kind: str = Field(validation_alias="first")
        boss_id: int | None

    class Read(BaseModel):
        team: list[Mine | Other]

    plan = plan_of(Person, Read)
    assert sorted(names(plan.many[0].plan)) == ["boss_id", "first", "last"]


class Node(BaseModel):
    first: str
    team: list["Node"]


class Chain(BaseModel):
    boss: Optional["Chain"]


class Endless(BaseModel):
    boss: "Endless"


def test_a_schema_nested_in_itself_is_read_as_deep_as_asked() -> None:
    plan = plan_of(Person, Node, 3)
    deepest = plan.many[0].plan.many[0].plan
    assert (deepest.many, deepest.given) == ((), (("team", ()),))
    assert plan_of(Person, Node, 1).given == (("team", ()),)
    assert plan_of(Person, Chain, 2).ones[0].plan.given == (("boss", None),)
    assert str(plan) == (
        "Node from Person: 3 statements\n"
        "  first\n"
        "  team: Node from Person (statement 2)\n"
        "    first\n"
        "    team: Node from Person (statement 3)\n"
        "      team = ()\n"
        "      first"
    ).replace("      team = ()\n      first", "      first\n      team = ()")


def test_what_is_nested_in_itself_without_an_end_is_refused() -> None:
    error = refusal(Node)
    assert error.message == "Node is nested in itself without an end"
    assert (error.hint or "").startswith("say how deep: into(Node, depth=3)")
    assert refusal(Endless, depth=2).message == "Endless.boss: has no end: it is always there"
    for depth in (0, -1, True, "3"):
        assert refusal(Node, depth=depth).message == "depth is a whole number of at least 1"


def test_terms_are_for_collections() -> None:
    class Inner(BaseModel):
        first: str

    class OfOne(BaseModel):
        boss: Annotated[Inner | None, Rows("first")]

    class OfColumn(BaseModel):
        first: Annotated[str, Rows("first")]

    for schema in (OfOne, OfColumn):
        assert "is no collection, and Rows says" in refusal(schema).message


def test_terms_that_the_collections_model_cannot_answer_are_refused() -> None:
    class MissionRead(BaseModel):
        title: str

    class Wrong(BaseModel):
        missions: Annotated[list[MissionRead], Rows("yaer")]

    class Bad(BaseModel):
        missions: Annotated[list[MissionRead], Rows(where={"year__gte": "soon"})]

    with pytest.raises(UnknownField, match="yaer"):
        check_schema(Hero, Wrong)
    with pytest.raises(InvalidOperand):
        check_schema(Hero, Bad)


def test_a_collection_read_twice_where_code_looks_at_it_has_one_set_of_terms() -> None:
    class Inner(BaseModel):
        first: str

    class Read(BaseModel):
        team: list[Inner]
        newest: Annotated[list[Inner], Rows("-id", limit=1)] = Field(validation_alias="team")

    class Hooked(Read):
        @model_validator(mode="before")
        @classmethod
        def look(cls, data: Any) -> Any:
            return data

    assert [nested.field for nested in plan_of(Person, Read).many] == ["team", "newest"]
    assert refusal(Hooked).message.startswith("Hooked: Person.team is read twice")


def test_a_plan_prints_what_is_read() -> None:
    class City(BaseModel):
        country: str | None

    class TeamRead(BaseModel):
        label: str = Field(validation_alias="name")
        city: City | None

    class MissionRead(BaseModel):
        title: str

    class Read(BaseModel):
        id: int
        squad: TeamRead | None = Field(validation_alias="team")
        missions: Annotated[list[MissionRead], Rows("-year", limit=3, where={"done": True})]

    assert str(check_schema(Hero, Read)) == (
        "Read from Hero: 2 statements\n"
        "  id\n"
        "  squad = team: TeamRead from Team (joined)\n"
        "    label = name\n"
        "    city: City from City (joined)\n"
        "      country\n"
        "  missions: MissionRead from Mission "
        "(statement 2, order_by='-year', limit=3, where='done')\n"
        "    title"
    )


def test_terms_and_requirements_print_as_they_are_written() -> None:
    assert repr(Rows(["-year", "id"], limit=2)) == "Rows(order_by='-year, id', limit=2)"
    assert repr(Rows(where=Mission.done)) == "Rows(where=…)"
    assert repr(Requires("first", "team.name")) == "Requires('first', 'team.name')"


def test_a_collection_may_be_of_any_kind_that_pydantic_fills_from_a_list() -> None:
    class Name(BaseModel):
        name: str

    class Read(BaseModel):
        heroes: Iterable[Name]

    assert plan_of(Team, Read).many[0].field == "heroes"
