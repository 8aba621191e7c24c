"""DELETE of every row that answers, with what the ORM has to do for it."""

from typing import Any, Optional

import pytest
from sqlalchemy import MetaData, inspect
from sqlalchemy.orm import registry
from sqlmodel import Field, Relationship, SQLModel
from tests.guild import (
    Hero,
    HeroPower,
    HeroService,
    Mission,
    MissionService,
    SeatService,
    TeamService,
    TicketService,
    fill,
)

from colonnade import Database, ServiceBase, some
from colonnade.errors import ForeignKeyViolation, RelationshipNotLoaded
from colonnade.testing import count_statements


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Folder(Base, table=True):
    """A tree whose branches go with it, by the ORM's hand, and each with its papers."""

    id: int | None = Field(default=None, primary_key=True)
    name: str = ""
    parent_id: int | None = Field(default=None, foreign_key="folder.id")
    parent: Optional["Folder"] = Relationship(  # SQLModel wants it for relations
        back_populates="children", sa_relationship_kwargs={"remote_side": "Folder.id"}
    )
    children: list["Folder"] = Relationship(back_populates="parent", cascade_delete=True)
    papers: list["Paper"] = Relationship(cascade_delete=True)


class Paper(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    folder_id: int = Field(foreign_key="folder.id")
    notes: list["Note"] = Relationship(cascade_delete=True)


class Note(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    paper_id: int = Field(foreign_key="paper.id")


class Label(Base, table=True):
    """Needed by its stickers, which nobody deletes."""

    id: int | None = Field(default=None, primary_key=True)
    hue: int = 0
    stickers: list["Sticker"] = Relationship()
    marks: list["Mark"] = Relationship()


class Sticker(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    label_id: int = Field(foreign_key="label.id")


class Mark(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    label_id: int | None = Field(default=None, foreign_key="label.id")


class FolderService(ServiceBase[Folder, Folder, Folder]):
    pass


class LabelService(ServiceBase[Label, Label, Label]):
    pass


class MarkService(ServiceBase[Mark, Mark, Mark]):
    pass


@pytest.fixture
async def filled(guild: Database) -> Database:
    await fill(guild)
    return guild


@pytest.fixture
async def office(database: Database) -> Database:
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    return database


async def everyone(database: Database, kind: Any) -> list[Any]:
    async with database.reader() as session:
        return list(
            await session.scalars(
                kind.__table__.select().with_only_columns(*kind.__table__.primary_key.columns)
            )
        )


async def test_rows_that_nobody_minds_are_deleted_in_one_statement(filled: Database) -> None:
    async with filled.session() as session:
        missions = MissionService(session)
        with count_statements(filled) as statements:
            assert (
                await missions.where(hero__team__name="Avengers", year__lt=2021).delete_all() == 3
            )
        statements.expect(1)
        assert statements.statements[0].startswith("DELETE FROM mission")
    assert await everyone(filled, Mission) == [1, 4]


async def test_everything_may_be_deleted_when_it_is_asked_for(filled: Database) -> None:
    async with filled.session() as session:
        assert await MissionService(session).where().delete_all(everything=True) == 5
        assert await MissionService(session).where().delete_all(everything=True) == 0


async def test_an_object_whose_row_is_gone_has_left_the_session(filled: Database) -> None:
    async with filled.session() as session:
        missions = MissionService(session)
        gone, left = await missions.get(2), await missions.get(1)
        hero = await HeroService(session).get(1, load=["missions"])
        with count_statements(filled) as statements:
            await missions.where(year=2019).delete_all()
        statements.expect(2)
        assert gone not in session
        assert inspect(gone).was_deleted
        assert (gone.title, left in session) == ("rescue", True)
        with pytest.raises(RelationshipNotLoaded):
            _ = hero.missions
        assert await missions.get_or_none(2) is None


async def test_a_rollback_brings_the_objects_back(filled: Database) -> None:
    async with filled.session() as session:
        missions = MissionService(session)
        held = await missions.get(2)
        await missions.where(year=2019).delete_all()
        await session.rollback()
        assert held in session
        await session.refresh(held)
        assert held.year == 2019


async def test_what_the_orm_does_for_one_row_it_does_for_all(filled: Database) -> None:
    """Missions go with their hero, links too, and pupils lose their mentor."""
    async with filled.session() as session:
        heroes = HeroService(session)
        held = await heroes.get(2)
        assert await heroes.where(missions__title="rescue").delete_all() == 2
        assert held.mentor_id is None
        assert await heroes.where(mentor_id=1).count() == 0
        assert await heroes.where().count() == 10
    assert await everyone(filled, Mission) == [4]
    assert await everyone(filled, HeroPower) == [2, 5]


async def test_the_statements_of_a_cascade_do_not_depend_on_the_rows(filled: Database) -> None:
    seen = []
    for most in (2, 6):
        async with filled.session() as session:
            with count_statements(filled) as statements:
                deleted = (
                    await HeroService(session).where(id__lte=most, id__gt=most // 3).delete_all()
                )
            assert deleted > 1
            seen.append(statements.count)
            await session.rollback()
    assert seen[1] <= seen[0] + 1


async def test_a_tree_goes_with_its_root_and_its_leaves(office: Database) -> None:
    async with office.session() as session:
        session.add(Folder(id=1, name="root", papers=[Paper(notes=[Note(), Note()])]))
        session.add(Folder(id=9, name="other"))
        await session.flush()
        for number in range(2, 6):
            session.add(Folder(id=number, parent_id=number - 1, papers=[Paper(notes=[Note()])]))
            await session.flush()
    async with office.session() as session:
        with count_statements(office) as statements:
            assert await FolderService(session).where(name="root").delete_all() == 1
        assert statements.count < 25
    assert await everyone(office, Folder) == [9]
    assert await everyone(office, Paper) == await everyone(office, Note) == []


async def test_rows_that_are_each_others_children_go_together(office: Database) -> None:
    async with office.session() as session:
        session.add(Folder(id=1, name="a"))
        await session.flush()
        session.add(Folder(id=2, name="a", parent_id=1))
        await session.flush()
        assert await FolderService(session).where(name="a").delete_all() == 2
    assert await everyone(office, Folder) == []


async def test_a_child_that_needs_its_parent_keeps_it(office: Database) -> None:
    async with office.session() as session:
        session.add_all([Label(id=1, hue=1), Label(id=2, hue=1), Label(id=3, hue=2)])
        await session.flush()
        session.add_all([Sticker(label_id=2), Mark(id=1, label_id=3)])
        await session.flush()
        labels = LabelService(session)
        held = await labels.get(1)
        with pytest.raises(ForeignKeyViolation):
            async with session.savepoint():
                await labels.where(hue=1).delete_all()
        assert held in session
        assert await labels.where(hue=2).delete_all() == 1
        assert (await MarkService(session).get(1)).label_id is None
    assert await everyone(office, Label) == [1, 2]


async def test_what_is_still_referred_to_is_not_deleted(filled: Database) -> None:
    async with filled.session() as session:
        from tests.guild import CityService

        with pytest.raises(ForeignKeyViolation):
            async with session.savepoint():
                await CityService(session).where(name="Oslo").delete_all()


async def test_more_rows_than_are_read_at_once_go_too(office: Database) -> None:
    async with office.session() as session:
        await session.execute(
            Label.__table__.insert(),  # type: ignore[attr-defined] # SQLModel sets it
            [{"id": number, "hue": number % 2} for number in range(1, 2102)],
        )
        await session.execute(
            Mark.__table__.insert(),  # type: ignore[attr-defined] # as above
            [{"id": number, "label_id": number} for number in range(1, 2102)],
        )
        with count_statements(office) as statements:
            assert await LabelService(session).where(some("marks"), hue=1).delete_all() == 1051
        assert statements.count < 12
        assert await LabelService(session).where().count() == 1050
        assert await MarkService(session).where(label_id=None).count() == 1051


async def test_a_composite_key_is_deleted_with_its_children_kept(guild: Database) -> None:
    async with guild.session() as session:
        seats = SeatService(session)
        await seats.create_many([{"hall": h, "number": n} for h in "ab" for n in (1, 2)])
        ticket = await TicketService(session).create({"hall": "a", "number": 1, "price": 3})
        assert await seats.where(hall="a").delete_all() == 2
        assert await seats.where().count() == 2
        await session.refresh(ticket)
        assert (ticket.hall, ticket.number) == (None, None)


async def test_teams_of_deleted_heroes_stay(filled: Database) -> None:
    async with filled.session() as session:
        teams = TeamService(session)
        (team,) = await teams.where(id=1).load("heroes").all()
        assert len(team.heroes) == 4
        assert await HeroService(session).where(team_id=1, id__gt=1).delete_all() == 3
        (team,) = await teams.where(id=1).load("heroes").all()
        assert [hero.id for hero in team.heroes] == [1]
    assert Hero.__tablename__ == "hero"
