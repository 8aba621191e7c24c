from typing import Any, Optional

import pytest
from sqlalchemy import (
    Column,
    Computed,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    func,
    select,
    text,
)
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    column_property,
    mapped_column,
    registry,
    relationship,
    synonym,
)
from sqlmodel import Field, Relationship, SQLModel

from colonnade.errors import InvalidMapping
from colonnade.mapping import mapping_of


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Member(Base, table=True):
    hero_id: int | None = Field(default=None, foreign_key="hero.id", primary_key=True)
    team_id: int | None = Field(default=None, foreign_key="team.id", primary_key=True)


class Team(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    heroes: list["Hero"] = Relationship(back_populates="teams", link_model=Member)
    home: Optional["Hero"] = Relationship(  # a forward reference
        back_populates="lair", sa_relationship_kwargs={"uselist": False}
    )


class Hero(Base, table=True):
    __table_args__ = (
        UniqueConstraint("name", "cost", name="uq_hero_name_cost"),
        Index("ix_alias", "real_name", unique=True),
        Index("ix_partial", "cost", unique=True, postgresql_where=text("cost > 0")),
        Index("ix_lower", func.lower(text("name")), unique=True),
    )
    id: int | None = Field(default=None, primary_key=True)
    name: str
    alias: str | None = Field(default=None, sa_column_kwargs={"name": "real_name"})
    cost: int = Field(sa_column_kwargs={"server_default": "0"})
    double: int | None = Field(
        default=None, sa_column=Column("double", Integer, Computed("cost*2"))
    )
    lair_id: int = Field(foreign_key="team.id")
    mentor_id: int | None = Field(default=None, foreign_key="hero.id")
    lair: Team = Relationship(back_populates="home")
    teams: list[Team] = Relationship(back_populates="heroes", link_model=Member)
    mentor: Optional["Hero"] = Relationship(  # a forward reference
        back_populates="pupils", sa_relationship_kwargs={"remote_side": "Hero.id"}
    )
    pupils: list["Hero"] = Relationship(back_populates="mentor")


class Plain(DeclarativeBase):
    pass


class Animal(Plain):
    __tablename__ = "animal"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    version: Mapped[int] = mapped_column("row_version", onupdate=2)
    __mapper_args__ = {  # noqa: RUF012  # as SQLAlchemy has it
        "polymorphic_on": "kind",
        "polymorphic_identity": "animal",
        "version_id_col": version,
    }
    called = synonym("kind")

    @hybrid_property
    def loud(self) -> bool:
        return self.kind == "dog"


class Dog(Animal):
    __tablename__ = "dog"
    id: Mapped[int] = mapped_column(ForeignKey("animal.id"), primary_key=True)
    bark: Mapped[str | None] = mapped_column(unique=True)
    __mapper_args__ = {"polymorphic_identity": "dog"}  # noqa: RUF012  # as SQLAlchemy has it


class Cat(Animal):
    lives: Mapped[int | None]
    __mapper_args__ = {"polymorphic_identity": "cat"}  # noqa: RUF012  # as SQLAlchemy has it


Animal.dogs = column_property(select(func.count(Dog.__table__.c.id)).scalar_subquery())  # type: ignore[attr-defined]


def test_columns_are_named_by_attribute() -> None:
    mapping = mapping_of(Hero)
    assert mapping.model is Hero
    assert mapping.table is Hero.__table__  # type: ignore[attr-defined]
    assert list(mapping.columns) == [
        "id",
        "name",
        "alias",
        "cost",
        "double",
        "lair_id",
        "mentor_id",
    ]
    assert mapping.columns["alias"].column.name == "real_name"
    assert mapping.columns["alias"].nullable
    assert mapping.columns["double"].computed
    assert mapping.columns["cost"].has_server_default
    assert isinstance(mapping.columns["cost"].type, Integer)
    assert mapping.columns["id"].primary_key
    required = [column.name for column in mapping.columns.values() if column.required]
    assert required == ["name", "lair_id"]


def test_unique_sets_are_constraints_and_indexes_over_attributes() -> None:
    mapping = mapping_of(Hero)
    assert [(item.name, item.fields, item.partial) for item in mapping.unique] == [
        ("ix_alias", ("alias",), False),
        ("ix_partial", ("cost",), True),
        ("uq_hero_name_cost", ("name", "cost"), False),
    ]
    unique = [column.name for column in mapping.columns.values() if column.unique]
    assert unique == ["id", "alias"]
    assert mapping_of(Team).unique[0].fields == ("name",)
    assert mapping_of(Team).unique[0].name is None


def test_relations_know_their_target_cardinality_and_whether_they_may_be_empty() -> None:
    found = {
        name: (item.target, item.many, item.optional, item.direction, item.local)
        for name, item in mapping_of(Hero).relations.items()
    }
    assert found == {
        "lair": (Team, False, False, "many_to_one", ("lair_id",)),
        "teams": (Team, True, False, "many_to_many", ("id",)),
        "mentor": (Hero, False, True, "many_to_one", ("mentor_id",)),
        "pupils": (Hero, True, False, "one_to_many", ("id",)),
    }
    assert mapping_of(Hero).relations["teams"].secondary is Member.__table__  # type: ignore[attr-defined]
    home = mapping_of(Team).relations["home"]
    assert (home.many, home.optional, home.direction) == (False, True, "one_to_many")


def test_a_relation_that_no_foreign_key_guards_may_be_empty() -> None:
    class Loose(DeclarativeBase):
        pass

    class Sky(Loose):
        __tablename__ = "sky"
        hour: Mapped[int] = mapped_column(primary_key=True)

    class Flight(Loose):
        __tablename__ = "flight"
        id: Mapped[int] = mapped_column(primary_key=True)
        hour: Mapped[int]
        sky = relationship(
            Sky,
            primaryjoin=lambda: Flight.hour == Sky.hour,
            foreign_keys=lambda: Flight.hour,
            viewonly=True,
        )

    sky = mapping_of(Flight).relations["sky"]
    assert (sky.direction, sky.optional) == ("many_to_one", True)


def test_a_composite_key_keeps_its_order() -> None:
    assert mapping_of(Member).key == ("hero_id", "team_id")
    assert not any(column.unique for column in mapping_of(Member).columns.values())
    assert mapping_of(Hero).key == ("id",)


def test_inheritance_synonyms_hybrids_and_expressions_do_not_break() -> None:
    dog, cat, animal = mapping_of(Dog), mapping_of(Cat), mapping_of(Animal)
    assert list(animal.columns) == ["id", "kind", "version"]
    assert set(dog.columns) == {"id", "kind", "version", "bark"}
    assert set(cat.columns) == {"id", "kind", "version", "lives"}
    assert dog.key == cat.key == animal.key == ("id",)
    assert dog.version == cat.version == animal.version == "version"
    assert animal.columns["version"].has_onupdate
    assert [item.fields for item in dog.unique] == [("bark",)]
    assert dog.table is Dog.__table__


def test_a_mapping_is_made_once_a_class_and_again_when_the_class_grows() -> None:
    first = mapping_of(Dog)
    assert mapping_of(Dog) is first

    class Collar(Plain):
        __tablename__ = "collar"
        id: Mapped[int] = mapped_column(primary_key=True)
        dog_id: Mapped[int] = mapped_column(ForeignKey("dog.id"))
        dog: Mapped[Dog] = relationship(backref="collars")

    assert set(mapping_of(Dog).relations) == {"collars"}
    assert mapping_of(Dog).relations["collars"].target is Collar


def test_a_mapping_cannot_be_changed() -> None:
    mapping: Any = mapping_of(Hero)
    with pytest.raises(AttributeError):
        mapping.key = ()
    with pytest.raises(TypeError):
        mapping.columns["x"] = None


@pytest.mark.parametrize("wrong", [SQLModel, int, "Hero", Table("t", MetaData())])
def test_a_class_that_is_not_mapped_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidMapping, match="is not a mapped class") as error:
        mapping_of(wrong)
    assert "table=True" in (error.value.hint or "")
