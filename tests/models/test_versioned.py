from typing import Any, ClassVar

import pytest
from sqlalchemy import Column, MetaData, Table, select, update
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from colonnade.database import Database
from colonnade.errors import StaleVersion
from colonnade.mapping import mapping_of
from colonnade.models import IntegerKey, Versioned, touched


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Team(Versioned, IntegerKey, Base, table=True):
    name: str


class Hero(Versioned, IntegerKey, Base, table=True):
    name: str
    team_id: int | None = Field(default=None, foreign_key="team.id")


class Ordered(Versioned, IntegerKey, Base, table=True):
    __mapper_args__: ClassVar[dict[str, Any]] = {"confirm_deleted_rows": False}


HEROES: Any = Hero.__table__
TEAMS: Any = Team.__table__


async def _hero(db: Database) -> Hero:
    async with db.session() as session:
        team = Team(name="t")
        session.add(team)
        await session.flush()
        hero = Hero(name="a", team_id=team.id)
        session.add(hero)
    assert hero.version == 1
    return hero


async def _by_flush(db: Database, hero: Hero) -> None:
    async with db.session() as session:
        loaded = await session.get_one(Hero, hero.id)
        loaded.name = "b"
        await session.flush()
        assert loaded.version == 2


async def _by_bulk(db: Database, hero: Hero) -> None:
    async with db.session() as session:
        await session.execute(update(Hero).where(Hero.id == hero.id).values(name="b"))


async def _by_core(db: Database, hero: Hero) -> None:
    async with db.engine.begin() as connection:
        await connection.execute(update(HEROES).values(name="b"))


async def _by_another_table(db: Database, hero: Hero) -> None:
    statement = update(HEROES).values(name="b").where(HEROES.c.team_id == TEAMS.c.id)
    async with db.engine.begin() as connection:
        await connection.execute(statement.where(TEAMS.c.name == "t"))


async def _by_upsert(db: Database, hero: Hero) -> None:
    values = {"id": hero.id, "name": "b", "version": 1}
    changes = {column.name: value for column, value in touched(HEROES).items()}
    statement: Any
    if db.engine.dialect.name in ("mysql", "mariadb"):
        statement = mysql.insert(HEROES).values(values)
        statement = statement.on_duplicate_key_update(name="b", **changes)
    else:
        build = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
        statement = build[db.engine.dialect.name](HEROES).values(values)
        statement = statement.on_conflict_do_update(
            index_elements=["id"], set_={"name": "b", **changes}
        )
    async with db.engine.begin() as connection:
        await connection.execute(statement)


@pytest.mark.parametrize("write", [_by_flush, _by_bulk, _by_core, _by_another_table, _by_upsert])
async def test_a_write_bumps_the_version_on_every_write_path(db: Database, write: Any) -> None:
    await write(db, await _hero(db))
    async with db.engine.connect() as connection:
        row = (await connection.execute(select(HEROES.c.name, HEROES.c.version))).one()
    assert tuple(row) == ("b", 2)


async def test_a_bulk_update_by_key_needs_the_version_it_read_and_bumps_it(db: Database) -> None:
    hero = await _hero(db)
    async with db.session() as session:
        await session.execute(update(Hero), [{"id": hero.id, "name": "b", "version": 1}])
    async with db.session() as session:
        assert (await session.get_one(Hero, hero.id)).version == 2
    with pytest.raises(StaleVersion):
        async with db.session() as session:
            await session.execute(update(Hero), [{"id": hero.id, "name": "c", "version": 1}])


async def test_update_returning_bumps_the_version_and_answers_with_it(db: Database) -> None:
    if not db.engine.dialect.update_returning:
        pytest.skip("MariaDB has no UPDATE … RETURNING")
    await _hero(db)
    async with db.engine.begin() as connection:
        result = await connection.execute(
            update(HEROES).values(name="b").returning(HEROES.c.version)
        )
        assert result.scalar_one() == 2


async def test_a_flush_over_a_row_that_moved_on_is_refused(db: Database) -> None:
    hero = await _hero(db)
    async with db.session() as session:
        loaded = await session.get_one(Hero, hero.id)
        await _core_update(session)
        loaded.name = "lost"
        with pytest.raises(StaleVersion):
            await session.flush()
        await session.rollback()


async def _core_update(session: Any) -> None:
    connection = await session.connection()
    await connection.execute(update(HEROES).values(name="first"))


def test_the_version_of_each_table_is_its_own() -> None:
    assert mapping_of(Hero).version == mapping_of(Team).version == "version"
    assert HEROES.c.version.onupdate.arg.left is HEROES.c.version
    assert TEAMS.c.version.onupdate.arg.left is TEAMS.c.version


def test_a_models_own_mapper_arguments_leave_the_version_in_charge() -> None:
    assert mapping_of(Ordered).version == "version"


def test_touched_names_every_column_that_an_update_sets() -> None:
    table = Table(
        "t",
        MetaData(),
        Column("scalar", onupdate=7),
        Column("called", onupdate=lambda: 8),
        Column("plain"),
    )
    found = {column.name: value for column, value in touched(table).items()}
    assert set(found) == {"scalar", "called"}
    assert found["scalar"].value == 7  # type: ignore[attr-defined]
    assert found["called"].value == 8  # type: ignore[attr-defined]
    assert set(touched(HEROES)) == {HEROES.c.version}
