"""Deleting a row: in one statement, or with what the ORM has to do for it."""

from typing import Optional

import pytest
from sqlalchemy import MetaData
from sqlalchemy.orm import registry
from sqlmodel import Field, Relationship, SQLModel
from tests.guild import (
    HeroService,
    MissionService,
    TeamService,
)

from colonnade import Database, ServiceBase
from colonnade.errors import ForeignKeyViolation, NotFound
from colonnade.testing import count_statements


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Shelf(Base, table=True):
    """Its books go with it, in the database; its labels need it; its owner's card goes too."""

    id: int | None = Field(default=None, primary_key=True)
    books: list["Book"] = Relationship(back_populates="shelf", passive_deletes="all")
    labels: list["Label"] = Relationship(back_populates="shelf")


class Book(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    shelf_id: int = Field(foreign_key="shelf.id", ondelete="CASCADE")
    shelf: Shelf = Relationship(back_populates="books")


class Label(Base, table=True):
    shelf_id: int = Field(foreign_key="shelf.id", primary_key=True)
    shelf: Shelf = Relationship(back_populates="labels")


class Card(Base, table=True):
    """Needed by one stamp, and takes its notes along: both at once."""

    id: int | None = Field(default=None, primary_key=True)
    stamp: Optional["Stamp"] = Relationship(
        back_populates="card", sa_relationship_kwargs={"uselist": False}
    )
    notes: list["Note"] = Relationship(cascade_delete=True)


class Stamp(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    card_id: int = Field(foreign_key="card.id")
    card: Card = Relationship(back_populates="stamp")


class Note(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    card_id: int = Field(foreign_key="card.id")


class ShelfService(ServiceBase[Shelf, Shelf, Shelf]):
    pass


class BookService(ServiceBase[Book, Book, Book]):
    pass


class CardService(ServiceBase[Card, Card, Card]):
    pass


class NoteService(ServiceBase[Note, Note, Note]):
    pass


@pytest.fixture
async def library(database: Database) -> Database:
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with database.session() as session:
        session.add_all([Shelf(id=1), Shelf(id=2), Shelf(id=3), Card(id=1), Card(id=2)])
        await session.flush()
        session.add_all([Book(shelf_id=1), Book(shelf_id=1), Label(shelf_id=2)])
        session.add_all([Stamp(card_id=1), Note(card_id=1), Note(card_id=2)])
    return database


async def test_a_row_that_nobody_minds_is_deleted_in_one_statement(library: Database) -> None:
    async with library.session() as session:
        shelves = ShelfService(session)
        held = await shelves.get(3)
        with count_statements(library) as statements:
            await shelves.delete(3)
        statements.expect(1)
        assert held not in session
        with pytest.raises(NotFound) as caught:
            await shelves.delete(3)
        assert caught.value.keys == (3,)


async def test_what_the_database_cascades_is_left_to_it(library: Database) -> None:
    async with library.session() as session:
        with count_statements(library) as statements:
            await ShelfService(session).delete(1)
        statements.expect(1)
        assert await BookService(session).where().count() == 0


async def test_a_row_that_is_needed_is_a_foreign_key_violation(library: Database) -> None:
    async with library.session() as session:
        shelves = ShelfService(session)
        with pytest.raises(ForeignKeyViolation):
            async with session.savepoint():
                await shelves.delete(2)
        assert await shelves.where().count() == 3


async def test_a_row_that_is_needed_and_cascades_is_a_foreign_key_violation_too(
    library: Database,
) -> None:
    async with library.session() as session:
        cards = CardService(session)
        with pytest.raises(ForeignKeyViolation):
            async with session.savepoint():
                await cards.delete(1)
        assert await NoteService(session).where().count() == 2
        # What was made up to let the constraint speak is not told afterwards.
        card = await cards.get(1, load=["stamp", "notes"])
        assert card.stamp is not None
        assert len(card.notes) == 1
        await cards.delete(2)
        assert await NoteService(session).where().count() == 1


async def test_what_the_orm_cascades_goes_with_the_row(guild: Database) -> None:
    async with guild.session() as session:
        service, missions = HeroService(session), MissionService(session)
        hero, pupil = await service.create_many([{"name": "a"}, {"name": "b"}])
        await service.update(hero.id, {"name": "a"})
        pupil.mentor_id = hero.id
        mission = {"title": "t", "year": 1, "hero_id": hero.id}
        await missions.create_many([mission, mission])
        await service.delete(hero.id)
        assert await missions.where().count() == 0
        assert await service.where(mentor_id=None).count() == 1
        with pytest.raises(NotFound):
            await service.delete(hero.id)
    async with guild.reader() as session:
        assert [item.name for item in await HeroService(session).where().all()] == ["b"]


async def test_a_row_that_somebody_else_deleted_is_not_found(guild: Database) -> None:
    async with guild.session() as session:
        hero = await HeroService(session).create({"name": "a"})
        await session.execute(type(hero).__table__.delete())  # type: ignore[attr-defined] # SQLModel sets it
        with pytest.raises(NotFound):
            await HeroService(session).delete(hero.id)


async def test_children_that_can_do_without_are_kept_without(guild: Database) -> None:
    async with guild.session() as session:
        teams, service = TeamService(session), HeroService(session)
        team = await teams.create({"name": "t"})
        hero = await service.create({"name": "a", "team_id": team.id})
        await teams.delete(team.id)
    async with guild.reader() as session:
        assert (await HeroService(session).get(hero.id)).team_id is None
