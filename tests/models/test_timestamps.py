import asyncio
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy import MetaData, insert, select, update
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import registry
from sqlalchemy.schema import CreateTable
from sqlmodel import Field, SQLModel

from colonnade.database import Database
from colonnade.errors import InvalidValue
from colonnade.models import DateTimeUTC, IntegerKey, Timestamps, touched


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Hero(Timestamps, IntegerKey, Base, table=True):
    name: str


class Villain(Timestamps, IntegerKey, Base, table=True):
    name: str


class Meeting(IntegerKey, Base, table=True):
    at: datetime | None = Field(default=None, sa_type=DateTimeUTC)


HEROES: Any = Hero.__table__


async def _hero(db: Database) -> Hero:
    async with db.session() as session:
        hero = Hero(name="a")
        session.add(hero)
    return hero


async def _stored(db: Database) -> tuple[datetime, datetime]:
    async with db.engine.connect() as connection:
        row = (await connection.execute(select(HEROES.c.created_at, HEROES.c.updated_at))).one()
    return row[0], row[1]


async def test_a_new_row_has_two_equal_times_that_are_aware_and_in_utc(db: Database) -> None:
    before = datetime.now(UTC)
    hero = await _hero(db)
    assert before <= hero.created_at == hero.updated_at <= datetime.now(UTC)
    stored = await _stored(db)
    assert stored == (hero.created_at, hero.updated_at)
    assert all(moment.tzinfo is UTC for moment in stored)


async def test_a_given_time_is_kept(db: Database) -> None:
    long_ago = datetime(2001, 2, 3, tzinfo=UTC)
    async with db.session() as session:
        session.add(Hero(name="a", updated_at=long_ago))
    assert (await _stored(db))[1] == long_ago


async def _by_flush(db: Database, hero: Hero) -> None:
    async with db.session() as session:
        (await session.get_one(Hero, hero.id)).name = "b"


async def _by_bulk(db: Database, hero: Hero) -> None:
    async with db.session() as session:
        await session.execute(update(Hero).where(Hero.id == hero.id).values(name="b"))


async def _by_keyed_bulk(db: Database, hero: Hero) -> None:
    async with db.session() as session:
        await session.execute(update(Hero), [{"id": hero.id, "name": "b"}])


async def _by_core(db: Database, hero: Hero) -> None:
    async with db.engine.begin() as connection:
        await connection.execute(update(HEROES).values(name="b"))


async def _by_upsert(db: Database, hero: Hero) -> None:
    values = {"id": hero.id, "name": "b"}
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


@pytest.mark.parametrize("write", [_by_flush, _by_bulk, _by_keyed_bulk, _by_core, _by_upsert])
async def test_updated_at_changes_on_every_write_path(db: Database, write: Any) -> None:
    hero = await _hero(db)
    await asyncio.sleep(0.002)
    await write(db, hero)
    created, updated = await _stored(db)
    assert created == hero.created_at
    assert updated > hero.updated_at


async def test_update_returning_answers_with_the_new_time(db: Database) -> None:
    if not db.engine.dialect.update_returning:
        pytest.skip("MariaDB has no UPDATE … RETURNING")
    hero = await _hero(db)
    async with db.engine.begin() as connection:
        result = await connection.execute(
            update(HEROES).values(name="b").returning(HEROES.c.updated_at)
        )
        returned = result.scalar_one()
    assert hero.updated_at < returned == (await _stored(db))[1]


async def test_what_onupdate_set_is_known_after_the_flush_without_a_statement(db: Database) -> None:
    hero = await _hero(db)
    async with db.session() as session:
        loaded = await session.get_one(Hero, hero.id)
        loaded.name = "b"
        await session.flush()
        assert "updated_at" in loaded.__dict__
        assert loaded.updated_at > hero.updated_at
        known = loaded.updated_at
    assert (await _stored(db))[1] == known


async def test_rows_written_by_one_statement_have_one_moment(db: Database) -> None:
    async with db.engine.begin() as connection:
        await connection.execute(insert(HEROES), [{"name": str(n)} for n in range(50)])
        rows = (await connection.execute(select(HEROES.c.created_at, HEROES.c.updated_at))).all()
        assert len(rows) == 50
        assert len({moment for row in rows for moment in row}) == 1
        await connection.execute(update(HEROES).values(name="x"))
        later = (await connection.execute(select(HEROES.c.updated_at).distinct())).scalars().all()
    assert len(later) == 1
    assert later[0] > rows[0].updated_at


async def test_microseconds_survive_on_every_database(db: Database) -> None:
    moment = datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)
    async with db.session() as session:
        session.add(Meeting(at=moment))
    async with db.session() as session:
        assert (await session.execute(select(Meeting.at))).scalar_one() == moment
        found = await session.execute(select(Meeting.id).where(Meeting.at == moment))
        assert found.scalar_one() is not None


async def test_another_zone_is_stored_as_the_same_moment_in_utc(db: Database) -> None:
    tokyo = datetime(2024, 1, 1, 3, 0, tzinfo=timezone(timedelta(hours=9)))
    async with db.session() as session:
        session.add(Meeting(at=tokyo))
    async with db.session() as session:
        stored: Any = (await session.execute(select(Meeting.at))).scalar_one()
    assert stored == tokyo
    assert stored.isoformat() == "2023-12-31T18:00:00+00:00"


async def test_times_sort_in_the_order_of_time(db: Database) -> None:
    start = datetime(2024, 1, 1, tzinfo=UTC)
    steps = [timedelta(0), timedelta(microseconds=1), timedelta(seconds=1), timedelta(days=400)]
    moments = [start + step for step in steps]
    async with db.session() as session:
        session.add_all([Meeting(at=moment) for moment in reversed(moments)])
    async with db.session() as session:
        found = await session.execute(select(Meeting.at).order_by(Meeting.at))  # type: ignore[arg-type]
        assert found.scalars().all() == moments


async def test_a_moment_may_be_a_literal(db: Database) -> None:
    moment = datetime(2024, 5, 6, 7, 8, 9, 120000, tzinfo=UTC)
    async with db.session() as session:
        session.add_all([Meeting(at=moment), Meeting(at=None)])
    query = select(Meeting.at).where(Meeting.at == moment)
    literal = query.compile(dialect=db.engine.dialect, compile_kwargs={"literal_binds": True})
    async with db.engine.connect() as connection:
        assert len((await connection.exec_driver_sql(str(literal))).all()) == 1


@pytest.mark.parametrize("wrong", [datetime(2024, 1, 1), "2024-01-01"])  # noqa: DTZ001  # the fault
async def test_naive_datetimes_are_refused_before_anything_is_sent(wrong: Any) -> None:
    with pytest.raises(InvalidValue, match=r"naive|not str") as refused:
        DateTimeUTC().process_bind_param(wrong, sqlite.dialect())
    assert "2024" not in str(refused.value)


async def test_a_naive_datetime_does_not_reach_the_database(db: Database) -> None:
    async with db.session() as session:
        session.add(Meeting(at=datetime(2024, 1, 1)))  # noqa: DTZ001  # the fault
        with pytest.raises((InvalidValue, StatementError), match="which moment"):
            await session.flush()
        await session.rollback()


def test_a_mixin_serves_several_tables() -> None:
    assert Hero.__table__.c.created_at is not Villain.__table__.c.created_at  # type: ignore[attr-defined]
    assert "created_at DATETIME(6) NOT NULL" in str(
        CreateTable(HEROES).compile(dialect=mysql.dialect())
    )
    assert "created_at TIMESTAMP WITH TIME ZONE NOT NULL" in str(
        CreateTable(HEROES).compile(dialect=postgresql.dialect())
    )


def test_a_read_schema_has_the_times() -> None:
    class HeroRead(Timestamps):
        id: int
        name: str

    class Plain(BaseModel):
        created_at: datetime

    hero = Hero(id=1, name="a")
    read = HeroRead.model_validate(hero)
    assert read.created_at == hero.created_at
    assert Plain.model_validate(hero, from_attributes=True).created_at == hero.created_at
    schema = HeroRead.model_json_schema(mode="serialization")
    assert schema["properties"]["created_at"] == {
        "format": "date-time",
        "title": "Created At",
        "type": "string",
    }


def test_the_type_prints_as_it_is_written() -> None:
    assert repr(DateTimeUTC()) == "DateTimeUTC()"
