"""UPDATE of one row from its changes alone."""

from __future__ import annotations

import pytest
from sqlalchemy import MetaData
from sqlmodel import Field, SQLModel
from tests.guild import Odd, OddService, Seat, SeatService, Sheet, SheetService

from colonnade import Database
from colonnade.errors import NotFound
from colonnade.testing import count_statements
from colonnade.writing import update


async def test_the_statement_sets_what_changes_and_what_keeps_itself(guild: Database) -> None:
    async with guild.session() as session:
        sheet = await SheetService(session).create({"title": "a"})
        with count_statements(guild) as statements:
            await update(session, Sheet, (sheet.id,), {"pages": 2}, None)
        text = statements.statements[0]
        assigned = text.partition(" SET ")[2].partition(" WHERE ")[0]
        names = [part.partition("=")[0].strip() for part in assigned.split(", ")]
        assert sorted(names) == ["pages", "updated_at", "version"]


async def test_a_renamed_column_is_set_by_its_attribute(guild: Database) -> None:
    async with guild.session() as session:
        odd = await OddService(session).create({})
        changed = await update(session, Odd, (odd.id,), {"real_name": "x", "self": 3}, None)
        assert changed is odd
        assert (odd.real_name, odd.self) == ("x", 3)


async def test_nobody_else_is_changed(guild: Database) -> None:
    async with guild.session() as session:
        await SeatService(session).create_many(
            [{"hall": hall, "number": number} for hall in "ab" for number in (1, 2)]
        )
        assert await update(session, Seat, ("a", 2), {"guest": "g"}, None) is not None
        assert await update(session, Seat, ("c", 2), {"guest": "g"}, None) is None
        found = await SeatService(session).where(guest="g").all()
        assert [(seat.hall, seat.number) for seat in found] == [("a", 2)]


async def test_what_others_wrote_is_seen_after_an_update(guild: Database) -> None:
    async with guild.session() as session:
        sheet = await SheetService(session).create({"title": "a"})
        await session.connection()
        table = Sheet.__table__  # type: ignore[attr-defined] # SQLModel sets it
        await session.execute(table.update().values(title="theirs"))
        assert sheet.title == "a"
        # The statement has counted the version up, which the session holds as it was.
        await SheetService(session).update(sheet.id, {"pages": 2}, version=2)
        assert sheet.title == "theirs"
        await session.execute(table.delete())
        with pytest.raises(NotFound):
            await SheetService(session).update(sheet.id, {"pages": 3})


class Tricky(SQLModel, table=True):
    """Columns named like the values that an UPDATE binds."""

    metadata = MetaData()
    __tablename__ = "tricky"

    id: int = Field(primary_key=True)
    name: str = "a"
    set_name: str = "b"
    where_id: int = 0


async def test_columns_may_be_named_like_the_values_of_the_statement(database: Database) -> None:
    async with database.engine.begin() as connection:
        await connection.run_sync(Tricky.metadata.create_all)
    async with database.session() as session:
        session.add_all(Tricky(id=number) for number in (1, 2))
        changed = await update(session, Tricky, (1,), {"set_name": "c", "name": "d"}, None)
        assert changed is not None
        assert (changed.name, changed.set_name, changed.where_id) == ("d", "c", 0)
        other = await session.get_one(Tricky, 2, populate_existing=True)
        assert (other.name, other.set_name, other.where_id) == ("a", "b", 0)
