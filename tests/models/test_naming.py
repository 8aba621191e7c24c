import pytest
from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Enum,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from colonnade.database import Database
from colonnade.errors import InvalidMapping
from colonnade.models import (
    NAMING_CONVENTION,
    EnumValue,
    IntegerKey,
    check_names,
    install_naming_convention,
    unnamed_constraints,
)


class Base(SQLModel, registry=registry(metadata=MetaData(naming_convention=NAMING_CONVENTION))):
    pass


class Team(IntegerKey, Base, table=True):
    name: str = Field(unique=True)


class Hero(IntegerKey, Base, table=True):
    __table_args__ = (
        UniqueConstraint("name", "team_id"),
        CheckConstraint("age >= 0", name="age"),
    )
    name: str = Field(index=True)
    age: int = 0
    active: bool = Field(default=True, sa_type=Boolean(create_constraint=True, name="active"))  # type: ignore[call-overload]
    team_id: int | None = Field(default=None, foreign_key="team.id")


def test_importing_the_models_gives_sqlmodel_the_convention() -> None:
    assert SQLModel.metadata.naming_convention == NAMING_CONVENTION


async def test_every_constraint_has_its_name_in_the_database(db: Database) -> None:
    names = {str(item.name) for item in (*_items("hero"), *_items("team"))}
    assert names == {
        "pk_hero",
        "uq_hero_name_team_id",
        "ck_hero_age",
        "ck_hero_active",
        "fk_hero_team_id_team",
        "ix_hero_name",
        "pk_team",
        "uq_team_name",
    }
    check_names(Base.metadata)
    assert unnamed_constraints(Base.metadata) == ()


def _items(table: str) -> list[object]:
    found = Base.metadata.tables[table]
    return [*found.constraints, *found.indexes]


def test_a_convention_of_the_applications_own_stays() -> None:
    own = MetaData(naming_convention={"pk": "key_%(table_name)s"})
    assert not install_naming_convention(own)
    assert own.naming_convention == {"pk": "key_%(table_name)s"}
    fresh = MetaData()
    assert install_naming_convention(fresh)
    assert not install_naming_convention(fresh)


def test_models_declared_before_the_convention_are_reported_with_all_that_has_no_name() -> None:
    metadata = MetaData()
    Table("team", metadata, Column("id", Integer, primary_key=True))
    Table(
        "hero",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("name", String, unique=True),
        Column("team_id", ForeignKey("team.id")),
        Column("active", Boolean(create_constraint=True)),
        Column("kind", Enum("a", "b", native_enum=False, create_constraint=True, name=None)),
        Column("status", EnumValue(["a", "b"])),
        CheckConstraint("id > 0"),
        Index("x" * 64, "name"),
    )
    install_naming_convention(metadata)
    assert sorted(unnamed_constraints(metadata)) == [
        "hero: CHECK (active IN (0, 1)) has no name",
        "hero: CHECK (id > 0) has no name",
        "hero: CHECK (kind IN ('a', 'b')) has no name",
        "hero: FOREIGN KEY (team_id) has no name",
        "hero: PRIMARY KEY (id) has no name",
        "hero: UNIQUE (name) has no name",
        f"hero: the name {'x' * 64!r} is longer than 63 characters",
        "team: PRIMARY KEY (id) has no name",
    ]
    with pytest.raises(InvalidMapping, match="FOREIGN KEY") as error:
        check_names(metadata)
    assert "before the first model" in (error.value.hint or "")


def test_a_table_without_a_key_has_no_constraint_to_name() -> None:
    metadata = MetaData()
    Table("log", metadata, Column("line", String))
    assert unnamed_constraints(metadata) == ()


def test_a_check_of_an_enum_is_named_with_a_convention_and_without() -> None:
    for metadata in (MetaData(), MetaData(naming_convention=NAMING_CONVENTION)):
        table = Table("hero", metadata, Column("status", EnumValue(["a"])))
        checks = [item.name for item in table.constraints if isinstance(item, CheckConstraint)]
        assert checks == ["ck_hero_status_enum"]
        copied = table.to_metadata(MetaData())
        again = [item for item in copied.constraints if isinstance(item, CheckConstraint)]
        assert [item.name for item in again] == ["ck_hero_status_enum"]
