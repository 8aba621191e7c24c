"""A value that only the server, a driver or a column's type refuses: the error names its field."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import JSON, Column, Integer, MetaData, Numeric, SmallInteger, String, Text, select
from sqlalchemy import update as updating
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from colonnade import Database, ServiceBase
from colonnade.errors import DatabaseError, InvalidValue
from colonnade.models import DateTimeUTC, IntegerKey

SECRET = "s3cret"
DEEP: Any = 1
for _ in range(40):
    DEEP = [DEEP]


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Note(IntegerKey, Base, table=True):
    __table_args__ = {"mariadb_charset": "latin1"}  # as SQLAlchemy has it
    word: str = Field(default="", sa_column=Column("a_word", String(3)))
    short: int = Field(default=0, sa_column=Column(SmallInteger))
    count: int = Field(default=0, sa_column=Column(Integer))
    body: str = Field(default="", sa_column=Column(Text))
    at: datetime = Field(default=datetime(2024, 1, 1, tzinfo=UTC), sa_type=DateTimeUTC)
    fine: Decimal = Field(default=Decimal(0), sa_column=Column(Numeric(30, 20)))
    data: Any = Field(default=None, sa_column=Column(JSON))


class Anything(SQLModel):
    model_config = {"extra": "allow"}


class NoteService(ServiceBase[Note, Anything, Anything]):
    pass


@pytest.fixture
async def notes(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url, metadata=Base.metadata) as database:
        await database.create_all()
        yield database


async def refusal(database: Database, work: Any) -> DatabaseError:
    with pytest.raises(DatabaseError) as caught:
        async with database.session() as session:
            await work(session)
    error = caught.value
    assert error.model == "Note"
    assert error.fields
    assert all(field in error.message for field in error.fields)
    assert SECRET not in error.message
    return error


def added(**values: Any) -> Any:
    async def work(session: Any) -> None:
        session.add(Note(**values))
        await session.flush()

    return work


async def test_a_row_added_past_the_service_is_told_by_its_field(notes: Database) -> None:
    for name, value in (("word", SECRET), ("short", 2**20)):
        if notes.engine.dialect.name == "sqlite":
            break  # it takes them
        error = await refusal(notes, added(**{name: value}))
        assert isinstance(error, InvalidValue)
        assert error.fields == (name,)
    naive = datetime(2024, 1, 1)  # noqa: DTZ001 # the point of it
    error = await refusal(notes, added(at=naive))
    assert error.fields == ("at",)
    assert error.message.startswith("Note: at: a naive datetime does not say")


async def test_what_a_driver_cannot_send_is_told_by_its_field(notes: Database) -> None:
    async def work(session: Any) -> None:
        session.add_all([Note(), Note(count=SECRET)])  # type: ignore[arg-type] # the point of it
        await session.flush()

    if notes.engine.dialect.name == "sqlite":
        return  # it takes it
    assert (await refusal(notes, work)).fields == ("count",)


async def test_an_update_of_many_rows_is_told_by_its_field(notes: Database) -> None:
    async def work(session: Any) -> None:
        await session.exec(updating(Note).values(word=SECRET))

    async with notes.session() as session:
        session.add(Note())
    if notes.engine.dialect.name != "sqlite":
        assert (await refusal(notes, work)).fields == ("word",)


async def test_what_one_database_alone_cannot_keep_is_refused_there_by_its_field(
    notes: Database,
) -> None:
    kind = notes.engine.dialect.name
    only: dict[str, dict[str, Any]] = {
        "sqlite": {"fine": Decimal("1234567890.12345678901234567890")},
        "postgresql": {},
        "mariadb": {"body": "\u65e5\u672c", "data": DEEP},
    }
    for where, values in only.items():
        for name, value in values.items():
            if where == kind:
                error = await refusal(
                    notes, lambda session, row={name: value}: NoteService(session).create(row)
                )
                assert isinstance(error, InvalidValue)
                assert error.fields == (name,)
            else:
                async with notes.session() as session:
                    made = await NoteService(session).create({name: value})
                async with notes.reader() as session:
                    found = await session.scalar(
                        select(getattr(Note, name)).where(Note.id == made.id)  # type: ignore[arg-type] # SQL
                    )
                    assert found == value


async def test_a_text_longer_than_the_server_keeps_is_told_by_its_field(notes: Database) -> None:
    long = "x" * 70_000
    if notes.engine.dialect.name == "mariadb":
        error = await refusal(notes, lambda session: NoteService(session).create({"body": long}))
        assert error.fields == ("body",)
        assert error.message == "Note: body: a value does not fit its column: it is too long"
        return
    async with notes.session() as session:
        assert (await NoteService(session).create({"body": long})).body == long
