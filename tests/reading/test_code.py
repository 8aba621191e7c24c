"""Schemas whose code looks at the model's attributes are filled as from the loaded entity."""

from typing import Annotated, Any, ClassVar, Literal, Optional

import pytest
from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    Discriminator,
    Field,
    Tag,
    TypeAdapter,
    computed_field,
    field_validator,
    model_validator,
)
from sqlalchemy import JSON, MetaData
from sqlalchemy import Column as TableColumn
from sqlalchemy.orm import registry
from sqlmodel import Field as Column
from sqlmodel import Relationship, SQLModel
from tests.schemas.test_matcher import Person

from colonnade import Database, Requires, ServiceBase
from colonnade.errors import InvalidSchema
from colonnade.testing import count_statements

PERSON: Any = Person


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Zoo(Base, table=True):
    id: int | None = Column(default=None, primary_key=True)
    name: str
    settings: dict[str, Any] = Column(default_factory=dict, sa_column=TableColumn(JSON))
    animals: list["Animal"] = Relationship(back_populates="zoo")


class Animal(Base, table=True):
    id: int | None = Column(default=None, primary_key=True)
    kind: str
    name: str
    teeth: int | None = None
    wings: int | None = None
    zoo_id: int | None = Column(default=None, foreign_key="zoo.id")
    zoo: Optional[Zoo] = Relationship(back_populates="animals")  # noqa: UP045 # SQLModel's way


class People(ServiceBase[Person, Person, Person]):
    pass


class Zoos(ServiceBase[Zoo, Zoo, Zoo]):
    pass


class Animals(ServiceBase[Animal, Animal, Animal]):
    pass


@pytest.fixture
async def people(database: Database) -> Database:
    """A boss and two people, one of whom has a team of one."""
    async with database.engine.begin() as connection:
        await connection.run_sync(Person.metadata.create_all)
    rows = [("Ann", "Lee", None), ("Bob", "Ray", 1), ("Cy", "Fox", 1), ("Di", "Poe", 2)]
    async with database.session() as session:
        for first, last, boss in rows:
            session.add(Person(first=first, last=last, boss_id=boss))
            await session.flush()
    return database


@pytest.fixture
async def zoos(database: Database) -> Database:
    """Two zoos, one with a cat and a bird."""
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with database.session() as session:
        first = Zoo(name="Big", settings={"maxGuests": 5, "open": {"days": [1, 2]}})
        session.add(first)
        await session.flush()
        session.add_all([Zoo(name="Empty"), Animal(kind="cat", name="Tom", teeth=30, zoo_id=1)])
        await session.flush()
        session.add(Animal(kind="bird", name="Tweety", wings=2, zoo_id=1))
    return database


async def both(
    database: Database, service: Any, schema: Any, *load: str
) -> tuple[list[Any], list[Any]]:
    """What is read, and what Pydantic makes of the loaded entities."""
    async with database.reader() as session:
        entities = await service(session).where().load(*load).all()
        expected = TypeAdapter(list[schema]).validate_python(entities, from_attributes=True)
    async with database.reader() as session:
        return await service(session).into(schema).all(), expected


class Card(BaseModel):
    full: Annotated[str, Requires("first", "last")]
    short: Annotated[str, Requires("first", "last")]
    python_only: Annotated[str, Requires("first", "last")]
    species: str
    loud: str
    length: int
    nick: str

    @computed_field
    def both(self) -> str:
        return self.full + self.loud


async def test_properties_hybrids_and_expressions_of_the_model_fill_fields(
    people: Database,
) -> None:
    found, expected = await both(people, People, Card)
    assert found == expected
    assert (found[0].full, found[0].short, found[0].loud) == ("Ann Lee", "Ann", "ANN")
    async with people.reader() as session:
        with count_statements(people) as statements:
            await People(session).into(Card).all()
        statements.expect(1)
        assert "boss_id" not in statements.statements[0]


class Report(BaseModel):
    reads: ClassVar = Requires("first", "boss.last", "team.first")
    first: str
    boss_name: str = Field("nobody", validation_alias=AliasPath("boss", "first"))
    team: Annotated[list[str], Requires("team.first")]
    boss_card: Card | None = Field(validation_alias="boss")
    told: Annotated[str, Requires()] = ""

    @model_validator(mode="before")
    @classmethod
    def look(cls, data: Any) -> Any:
        assert data.boss is None or data.boss.last
        return data

    @field_validator("team", mode="before")
    @classmethod
    def names(cls, data: Any) -> Any:
        return [item.first for item in data]


async def test_validators_that_run_before_see_attributes(people: Database) -> None:
    found, expected = await both(people, People, Report, "boss", "team")
    assert found == expected
    assert [item.team for item in found] == [["Bob", "Cy"], ["Di"], [], []]
    assert [item.boss_name for item in found] == ["nobody", "Ann", "Ann", "Bob"]


async def test_what_code_looks_at_without_saying_so_is_named(people: Database) -> None:
    class Sly(BaseModel):
        first: str

        @model_validator(mode="before")
        @classmethod
        def look(cls, data: Any) -> Any:
            return {"first": data.last}

    async with people.reader() as session:
        with pytest.raises(InvalidSchema, match=r"Person\.last was not read"):
            await People(session).into(Sly).all()


class Node(BaseModel):
    first: str
    team: list["Node"] = []


async def test_a_schema_nested_in_itself_is_read_as_deep_as_asked(people: Database) -> None:
    async with people.reader() as session:
        top = People(session).where(boss_id=None)
        with count_statements(people) as statements:
            (node,) = await top.into(Node, depth=2).all()
        statements.expect(2)
        assert [child.first for child in node.team] == ["Bob", "Cy"]
        assert node.team[0].team == []
        (node,) = await top.into(Node, depth=3).all()
        assert node.team[0].team == [Node(first="Di")]
        (node,) = await top.into(Node, depth=1).all()
        assert node.team == []


class Opening(BaseModel):
    days: list[int]


class Settings(BaseModel):
    max_guests: int = Field(0, alias="maxGuests")
    opening: Opening | None = Field(None, alias="open")


class ZooRead(BaseModel):
    settings: Settings
    first_day: int | None = Field(None, validation_alias=AliasPath("settings", "open", "days", 0))


class ZooConfigured(BaseModel):
    label: str = Field(alias="name")
    settings: Settings


async def test_what_a_json_column_holds_is_validated_by_its_own_aliases(zoos: Database) -> None:
    found, expected = await both(zoos, Zoos, ZooConfigured)
    assert found == expected
    assert found[0].settings.max_guests == 5
    found, expected = await both(zoos, Zoos, ZooRead)
    assert found == expected
    assert [item.first_day for item in found] == [1, None]


class Cat(BaseModel):
    kind: Literal["cat"]
    teeth: int


class Bird(BaseModel):
    kind: Literal["bird"]
    wings: int


class Tagged(BaseModel):
    animals: list[Annotated[Cat | Bird, Field(discriminator="kind")]]


class Smart(BaseModel):
    animals: list[Cat | Bird]


def tag_of(item: Any) -> str:
    return "bird" if item.kind == "bird" else "cat"


class ByFunction(BaseModel):
    animals: list[
        Annotated[Annotated[Cat, Tag("cat")] | Annotated[Bird, Tag("bird")], Discriminator(tag_of)]
    ]


@pytest.mark.parametrize("schema", [Tagged, Smart, ByFunction])
async def test_a_union_is_told_apart_as_pydantic_does(zoos: Database, schema: Any) -> None:
    found, expected = await both(zoos, Zoos, schema, "animals")
    assert found == expected
    assert [type(item) for item in found[0].animals] == [Cat, Bird]


async def test_an_alias_path_falls_to_the_next_choice_where_there_is_nothing(
    zoos: Database,
) -> None:
    class Read(BaseModel):
        place: str = Field(validation_alias=AliasChoices(AliasPath("zoo", "name"), "kind"))

    async with zoos.session() as session:
        session.add(Animal(kind="dog", name="Rex"))
    found, expected = await both(zoos, Animals, Read, "zoo")
    assert found == expected
    assert [item.place for item in found] == ["Big", "Big", "dog"]


class Initialised(BaseModel):
    name: str

    def __init__(self, **values: Any) -> None:
        super().__init__(**values, extra="seen")


class ZooOfInitialised(SQLModel):
    name: str
    animals: list[Initialised]


async def test_an_init_of_its_own_is_passed_over_as_pydantic_does(zoos: Database) -> None:
    found, expected = await both(zoos, Zoos, ZooOfInitialised, "animals")
    assert found == expected
