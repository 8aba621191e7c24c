"""A versioned row is changed as the session holds it, or not at all."""

from typing import Any

import pytest
from sqlalchemy import MetaData
from sqlalchemy.orm import registry
from sqlmodel import Field, Relationship, SQLModel
from tests.guild import Seat, SeatService, Sheet, SheetService

from colonnade import Database, ServiceBase
from colonnade.errors import NotFound, StaleVersion
from colonnade.models import IntegerKey, Versioned
from colonnade.testing import count_statements

TITLE = {"title": "mine"}


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Folder(Versioned, IntegerKey, Base, table=True):
    """Deleting it takes its papers along, through the ORM."""

    name: str
    papers: list["Paper"] = Relationship(cascade_delete=True)


class Paper(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    folder_id: int = Field(foreign_key="folder.id")


class FolderService(ServiceBase[Folder, Folder, Folder]):
    pass


async def stored(db: Database) -> Sheet:
    async with db.session() as session:
        return await SheetService(session).create({"title": "a"})


async def changed(db: Database, key: Any) -> None:
    async with db.session() as session:
        await SheetService(session).update(key, {"title": "theirs"})


async def title(db: Database, key: Any) -> str:
    async with db.reader() as session:
        return (await SheetService(session).get(key)).title


async def test_an_update_of_what_the_session_holds_is_refused_once_it_has_changed(
    guild: Database,
) -> None:
    key = (await stored(guild)).id
    async with guild.session() as session:
        sheet = await SheetService(session).get(key)
        await session.commit()
        await changed(guild, key)
        with pytest.raises(StaleVersion, match="was changed since version 1"):
            await SheetService(session).update(key, TITLE)
        await session.refresh(sheet)
        assert (sheet.title, sheet.version) == ("theirs", 2)
        updated = await SheetService(session).update(key, TITLE)
        assert updated is sheet
        assert sheet.version == 3
    assert await title(guild, key) == "mine"


async def test_two_units_that_read_and_then_update_cannot_both_win(server_guild: Database) -> None:
    key = (await stored(server_guild)).id
    async with server_guild.session() as first, server_guild.session() as second:
        held = [await SheetService(session).get(key) for session in (first, second)]
        await SheetService(first).update(key, {"pages": held[0].pages + 1})
        await first.commit()
        with pytest.raises(StaleVersion):
            await SheetService(second).update(key, {"pages": held[1].pages + 1})
        await second.rollback()
    async with server_guild.reader() as session:
        assert (await SheetService(session).get(key)).pages == 2


async def test_the_check_takes_no_statement_more(guild: Database) -> None:
    key = (await stored(guild)).id
    async with guild.session() as session:
        await SheetService(session).get(key)
        await session.connection()
        with count_statements(guild) as statements:
            await SheetService(session).update(key, TITLE)
        assert len(statements.statements) == (1 if guild.family != "mysql" else 2)


async def test_an_update_of_what_the_session_does_not_hold_needs_no_version(
    guild: Database,
) -> None:
    key = (await stored(guild)).id
    async with guild.session() as session:
        await changed_in_between(session, guild, key)
        assert (await SheetService(session).update(key, TITLE)).version == 3


async def changed_in_between(session: Any, db: Database, key: Any) -> None:
    """Read, and keep nothing of it."""
    assert (await SheetService(session).get(key)).version == 1
    await session.commit()
    await changed(db, key)


async def test_a_version_that_is_given_counts_before_the_one_that_is_held(
    guild: Database,
) -> None:
    key = (await stored(guild)).id
    async with guild.session() as session:
        sheet = await SheetService(session).get(key)
        await session.commit()
        await changed(guild, key)
        with pytest.raises(StaleVersion, match="since version 7"):
            await SheetService(session).update(key, TITLE, version=7)
        assert (await SheetService(session).update(key, TITLE, version=2)) is sheet


async def test_what_the_unit_itself_has_written_is_no_conflict(guild: Database) -> None:
    key = (await stored(guild)).id
    async with guild.session() as session:
        sheets = SheetService(session)
        sheet = await sheets.get(key)
        sheet.pages = 5  # flushed by the update, which counts the version up
        assert (await sheets.update(key, {"title": "b"})).version == 3
        assert (await sheets.update(key, {"title": "c"})).version == 4
        assert await sheets.where(id=key).update_all({"title": "d"}) == 1
        assert (await sheets.update(key, {"rating": 1})).version == 6
        assert (sheet.pages, sheet.title, sheet.rating) == (5, "d", 1)
        await sheets.delete(key)


async def test_a_row_that_is_gone_is_not_found(guild: Database) -> None:
    key = (await stored(guild)).id
    async with guild.session() as session:
        sheet = await SheetService(session).get(key)
        await session.commit()
        async with guild.session() as other:
            await SheetService(other).delete(key)
        assert sheet.version == 1
        for refused in (
            SheetService(session).update(key, TITLE),
            SheetService(session).delete(key),
        ):
            with pytest.raises(NotFound):
                await refused


async def test_a_delete_of_what_the_session_holds_is_refused_once_it_has_changed(
    guild: Database,
) -> None:
    key = (await stored(guild)).id
    async with guild.session() as session:
        sheet = await SheetService(session).get(key)
        await session.commit()
        await changed(guild, key)
        with pytest.raises(StaleVersion):
            await SheetService(session).delete(key)
        assert sheet in session
        await session.refresh(sheet)
        await SheetService(session).delete(key)
        assert sheet not in session
    with pytest.raises(NotFound):
        await title(guild, key)


async def test_a_delete_by_the_orm_is_refused_too(database: Database) -> None:
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with database.session() as session:
        session.add(Folder(id=1, name="a", papers=[Paper(), Paper()]))
    async with database.session() as session:
        folder = await FolderService(session).get(1)
        await session.commit()
        async with database.session() as other:
            await FolderService(other).update(1, {"name": "theirs"})
        with pytest.raises(StaleVersion):
            await FolderService(session).delete(1)
        await session.refresh(folder)
        await FolderService(session).delete(1)
    async with database.reader() as reader:
        assert await FolderService(reader).where().count() == 0


async def test_a_model_without_a_version_is_changed_as_before(guild: Database) -> None:
    async with guild.session() as session:
        seats = SeatService(session)
        seat = await seats.create({"hall": "a", "number": 1})
        await session.commit()
        async with guild.session() as other:
            await SeatService(other).update(("a", 1), {"guest": "theirs"})
        assert (await seats.update(("a", 1), {"guest": "mine"})) is seat
        await seats.delete(("a", 1))
        assert seat not in session
    assert Seat.__tablename__ == "seat"
