import subprocess
import sys

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
    text,
)
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from colonnade.database import Database
from colonnade.errors import InvalidMapping
from colonnade.models import (
    NAMING_CONVENTION,
    POSTGRESQL_NAMES,
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


@pytest.mark.parametrize("name", ["ServiceBase", "Database"])
def test_importing_the_library_changes_no_metadata(name: str) -> None:
    program = (
        "from sqlalchemy import MetaData; from sqlmodel import SQLModel; "
        f"from colonnade import {name}; import colonnade.models, colonnade.fastapi; "
        "assert SQLModel.metadata.naming_convention == MetaData().naming_convention"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)


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
    assert not install_naming_convention(fresh, POSTGRESQL_NAMES)
    assert fresh.naming_convention == NAMING_CONVENTION


def declare(metadata: MetaData) -> list[str]:
    """Declare two tables; return the names of what they have."""
    team = Table("team", metadata, Column("id", Integer, primary_key=True))
    hero = Table(
        "hero",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("name", String, unique=True),
        Column("age", Integer, index=True),
        Column("team_id", ForeignKey("team.id")),
        Column("status", EnumValue(["a", "b"])),
        Column("side", Enum("a", "b", native_enum=False, create_constraint=True, name="side")),
        CheckConstraint("id > 0", name="id"),
        UniqueConstraint("name", "age"),
        UniqueConstraint("age", "name", name="own"),
        Index(None, "name", "age"),
        Index("by_hand", "age"),
    )
    return names_of(team, hero)


def names_of(*tables: Table) -> list[str]:
    items = [item for table in tables for item in (*table.constraints, *table.indexes)]
    return sorted(str(item.name) for item in items)


def test_tables_declared_before_the_convention_have_the_names_of_those_declared_after() -> None:
    before, after = MetaData(), MetaData()
    declare(before)
    assert install_naming_convention(before)
    assert install_naming_convention(after)
    declare(after)
    assert names_of(*before.tables.values()) == names_of(*after.tables.values())
    assert names_of(*after.tables.values()) == [
        "by_hand",
        "ck_hero_id",
        "ck_hero_side",
        "ck_hero_status_enum",
        "fk_hero_team_id_team",
        "ix_hero_age",
        "ix_hero_name_age",
        "own",
        "pk_hero",
        "pk_team",
        "uq_hero_name",
        "uq_hero_name_age",
    ]


def test_what_no_convention_can_name_is_reported() -> None:
    metadata = MetaData()
    Table(
        "hero",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("active", Boolean(create_constraint=True)),
        Column("kind", Enum("a", "b", native_enum=False, create_constraint=True, name=None)),
        CheckConstraint("id > 0"),
        Index("x" * 64, "id"),
    )
    install_naming_convention(metadata)
    assert sorted(unnamed_constraints(metadata)) == [
        "hero: CHECK (active IN (0, 1)) has no name",
        "hero: CHECK (id > 0) has no name",
        "hero: CHECK (kind IN ('a', 'b')) has no name",
        f"hero: the name {'x' * 64!r} is longer than 63 characters",
    ]
    with pytest.raises(InvalidMapping, match="id > 0") as error:
        check_names(metadata)
    assert "needs a name of its own" in (error.value.hint or "")


async def test_postgresqls_names_are_those_of_a_database_without_a_convention(
    postgresql_url: str,
) -> None:
    plain, named = MetaData(), MetaData()
    for metadata in (plain, named):
        declare(metadata)
        long = "an_unusually_long_name_for_a_table_or_a_column"
        for table, column in ((long, "n"), ("t", long), (long + "_too", long + "_as_well")):
            Table(
                table,
                metadata,
                Column(column, Integer, primary_key=True),
                Column(f"{column}_2", ForeignKey("team.id"), unique=True),
            )
    assert install_naming_convention(named, POSTGRESQL_NAMES)
    async with Database(postgresql_url, metadata=plain) as db:
        await db.create_all()
        async with db.reader() as session:
            told = await session.execute(
                text(
                    "SELECT conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace"
                )
            )
            indexes = await session.execute(
                text("SELECT indexname FROM pg_indexes WHERE schemaname = 'public'")
            )
            known = {str(row[0]) for row in (*told.all(), *indexes.all())}
    assert set(names_of(*named.tables.values())) == known


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
