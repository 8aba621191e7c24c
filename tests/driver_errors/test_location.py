from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, registry
from sqlmodel import Field, SQLModel

from colonnade.driver_errors import Location, find_location

CONVENTION = {
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
}


class Base(SQLModel, registry=registry(metadata=MetaData(naming_convention=CONVENTION))):
    pass


class Team(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    motto: str


class Hero(Base, table=True):
    __table_args__ = (
        UniqueConstraint("name", "real_name"),
        CheckConstraint("age >= 0", name="ck_hero_age"),
        Index("ix_hero_lower", func.lower(text("name")), unique=True),
    )
    id: int | None = Field(default=None, primary_key=True)
    name: str
    alias: str = Field(sa_column_kwargs={"name": "real_name"}, unique=True)
    age: int = 0
    team_id: int | None = Field(default=None, foreign_key="team.id")


Table("link", Base.metadata, Column("hero_id", ForeignKey("hero.id"), primary_key=True))

META = Base.metadata


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        # PostgreSQL
        (
            {"table": "hero", "constraint": "uq_hero_real_name"},
            Location("Hero", ("alias",), "uq_hero_real_name", ("real_name",)),
        ),
        (
            {"table": "hero", "constraint": "uq_hero_name_real_name", "columns": ("name",)},
            Location("Hero", ("name",), "uq_hero_name_real_name", ("name",)),
        ),
        ({"table": "hero", "constraint": "pk_hero"}, Location("Hero", ("id",), "pk_hero", ("id",))),
        ({"table": "hero", "constraint": "ck_hero_age"}, Location("Hero", (), "ck_hero_age")),
        # MariaDB
        (
            {"constraint": "uq_team_name"},
            Location("Team", ("name",), "uq_team_name", ("name",)),
        ),
        (
            {"table": "hero", "constraint": "PRIMARY"},
            Location("Hero", ("id",), "PRIMARY", ("id",)),
        ),
        ({"constraint": "PRIMARY"}, Location(None, (), "PRIMARY")),
        (
            {"table": "shop.hero", "constraint": "fk_hero_team_id_team"},
            Location("Hero", ("team_id",), "fk_hero_team_id_team", ("team_id",)),
        ),
        ({"columns": ("motto",)}, Location("Team", ("motto",), None, ("motto",))),
        ({"columns": ("name",)}, Location(None, (), None, ("name",))),
        # SQLite
        (
            {"table": "hero", "columns": ("real_name", "name")},
            Location("Hero", ("alias", "name"), "uq_hero_name_real_name", ("real_name", "name")),
        ),
        ({"table": "hero", "columns": ("id",)}, Location("Hero", ("id",), "pk_hero", ("id",))),
        ({"table": "hero", "columns": ("age",)}, Location("Hero", ("age",), None, ("age",))),
        ({"constraint": "ck_hero_age"}, Location("Hero", (), "ck_hero_age")),
        ({"constraint": "ix_hero_lower"}, Location("Hero", (), "ix_hero_lower")),
        # What is not mapped, or not known
        (
            {"table": "link", "columns": ("hero_id",)},
            Location(None, (), "pk_link", ("hero_id",)),
        ),
        ({"table": "gone", "constraint": "uq_gone"}, Location(None, (), "uq_gone")),
        ({"table": "hero", "columns": ("gone",)}, Location("Hero", (), None, ("gone",))),
        ({}, Location()),
    ],
)
def test_what_a_driver_told_leads_to_model_and_attributes(
    told: dict[str, Any], expected: Location
) -> None:
    assert find_location(META, **told) == expected


def test_constraints_without_a_name_are_found_by_the_name_the_database_gave() -> None:
    metadata = MetaData()

    class Plain(SQLModel, registry=registry(metadata=metadata)):
        pass

    class Pet(Plain, table=True):
        id: int | None = Field(default=None, primary_key=True)
        name: str = Field(unique=True)
        owner_id: int = Field(foreign_key="pet.id")

    for told, field in [
        ("pet_pkey", "id"),
        ("PRIMARY", "id"),
        ("pet_name_key", "name"),
        ("name", "name"),
        ("pet_owner_id_fkey", "owner_id"),
    ]:
        assert find_location(metadata, constraint=told).fields == (field,), told
    assert find_location(metadata, table="pet", columns=("name",)).constraint is None
    assert find_location(metadata, table="pet").model == Pet.__name__


def test_a_table_of_several_models_is_told_by_the_parent_and_its_columns_by_whoever_has_them() -> (
    None
):
    class Root(DeclarativeBase):
        pass

    class Animal(Root):
        __tablename__ = "animal"
        id: Mapped[int] = mapped_column(primary_key=True)
        kind: Mapped[str]
        __mapper_args__ = {"polymorphic_on": "kind"}  # noqa: RUF012  # as SQLAlchemy has it

    class Ape(Animal):
        strength: Mapped[int | None] = mapped_column("power", unique=True)
        __mapper_args__ = {"polymorphic_identity": "ape"}  # noqa: RUF012  # as SQLAlchemy has it

    found = find_location(Root.metadata, table="animal", columns=("kind", "power"))
    assert (found.model, found.fields) == (Animal.__name__, ("kind", "strength"))
    assert Ape.__name__ == "Ape"


def test_a_schema_tells_two_tables_of_one_name_apart() -> None:
    metadata = MetaData()
    for schema in ("a", "b"):
        Table("t", metadata, Column("id", Integer, primary_key=True), schema=schema)
    Table("u", metadata, Column("x", String))
    assert find_location(metadata, table="t", columns=("id",)) == Location(columns=("id",))
    assert find_location(metadata, table="a.t", columns=("id",)).columns == ("id",)


@given(
    st.none() | st.text(max_size=8),
    st.none() | st.text(max_size=8),
    st.lists(st.sampled_from(["id", "name", "x", ""]), max_size=3),
)
def test_locating_never_raises(table: Any, constraint: Any, columns: list[str]) -> None:
    found = find_location(META, table=table, constraint=constraint, columns=columns)
    assert found.columns == tuple(columns) or not columns
    assert found.constraint == constraint or not constraint
