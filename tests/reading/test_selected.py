"""A select of the user's own fills a schema."""

from typing import Any

import pytest
from pydantic import BaseModel, Field
from sqlalchemy import func, literal, select, text, union_all
from sqlalchemy.orm import aliased
from sqlmodel import select as select_objects
from tests.guild import Hero, Mission, Team

from colonnade import Database, Rows
from colonnade.errors import InvalidSchema, UsageError
from colonnade.testing import count_statements

HERO: Any = Hero
TEAM: Any = Team
MISSION: Any = Mission


class TeamSize(BaseModel):
    team_id: int | None
    heroes: int = Field(serialization_alias="size")


class MissionRead(BaseModel):
    title: str
    year: int


class TeamRead(BaseModel):
    name: str


class HeroRead(BaseModel):
    id: int
    team: TeamRead | None
    missions: list[MissionRead]


class HeroWithCount(HeroRead):
    done: int


async def test_columns_fill_the_fields_of_their_name_or_label(heroes: Database) -> None:
    statement = (
        select(HERO.team_id, func.count().label("heroes"))
        .group_by(HERO.team_id)
        .order_by(func.count().desc(), HERO.team_id)
        .where(HERO.team_id.is_not(None))
    )
    async with heroes.reader() as session:
        with count_statements(heroes) as statements:
            found = await session.read(statement, into=TeamSize)
        statements.expect(1)
        assert found == [TeamSize(team_id=1, heroes=4), TeamSize(team_id=2, heroes=4)]
        assert await session.read(statement.limit(0), into=TeamSize) == []


async def test_objects_of_a_model_fill_what_columns_do_not(heroes: Database) -> None:
    done = select(func.count()).where(MISSION.hero_id == HERO.id, MISSION.done).scalar_subquery()
    statement = select(HERO, done.label("done")).where(HERO.id <= 2).order_by(HERO.id.desc())
    async with heroes.reader() as session:
        with count_statements(heroes) as statements:
            found = await session.read(
                statement, into=HeroWithCount, missions=Rows("-year", limit=1)
            )
        statements.expect(2)
        assert "slug" not in statements.statements[0]
        assert [(item.id, item.done) for item in found] == [(2, 0), (1, 2)]
        assert [item.team.name for item in found if item.team] == ["League", "Avengers"]
        assert [[mission.year for mission in item.missions] for item in found] == [[2022], [2021]]


async def test_a_select_keeps_its_joins_order_and_cut(heroes: Database) -> None:
    other = aliased(HERO, name="other")
    statement = (
        select_objects(other)
        .join(TEAM, TEAM.id == other.team_id)
        .where(TEAM.name == "Avengers")
        .order_by(other.id.desc())
        .limit(2)
    )
    async with heroes.reader() as session:
        found = await session.read(statement, into=HeroRead)
        assert [item.id for item in found] == [10, 7]
        assert [len(item.missions) for item in found] == [0, 1]


async def test_a_union_and_text_fill_by_the_names_of_their_columns(heroes: Database) -> None:
    both = union_all(
        select(literal(1).label("team_id"), literal(2).label("heroes")),
        select(literal(3), literal(4)),
    )
    raw = text("select 7 as team_id, 8 as heroes").columns(team_id=None, heroes=None)
    async with heroes.reader() as session:
        assert [item.heroes for item in await session.read(both, into=TeamSize)] == [2, 4]
        assert [item.heroes for item in await session.read(raw, into=TeamSize)] == [8]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (select(HERO.team_id), "TeamSize.heroes: the select has nothing that fills it"),
        (
            select(HERO.team_id, func.count().label("heroes"), HERO.age),
            "TeamSize has no field for the column 'age' of the select",
        ),
        (
            select(HERO.team_id, TEAM.id.label("team_id")),
            "two columns of the select are called 'team_id'",
        ),
        (select(HERO.team_id, HERO.age + 1), "a column of the select has no name"),
        (select(HERO, TEAM), "the select has the objects of two models"),
    ],
)
async def test_a_select_that_does_not_fit_is_refused_before_it_runs(
    heroes: Database, statement: Any, message: str
) -> None:
    async with heroes.reader() as session:
        with count_statements(heroes) as statements, pytest.raises(InvalidSchema) as caught:
            await session.read(statement, into=TeamSize)
        statements.expect(0)
        assert caught.value.message == message


async def test_what_is_no_select_is_refused(heroes: Database) -> None:
    async with heroes.reader() as session:
        with pytest.raises(UsageError, match="TextClause is no select"):
            await session.read(text("select 1"), into=TeamSize)


async def test_a_unit_reads_what_it_has_added_itself(heroes: Database) -> None:
    async with heroes.session() as session:
        session.add(Team(name="New"))
        found = await session.read(select(TEAM.name).where(TEAM.name == "New"), into=TeamRead)
        assert [item.name for item in found] == ["New"]
        await session.rollback()
