"""What a write answers with when a schema is asked for."""

from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, model_validator
from tests.guild import HeroService, SeatService, SheetService, fill

from colonnade import Database, Requires
from colonnade.errors import InvalidSchema, NotFound, StaleVersion
from colonnade.testing import count_statements


class SheetRead(BaseModel):
    number: int = Field(validation_alias="id")
    title: str
    pages: int
    doubled: int | None
    state: str
    version: int


class SheetHooked(SheetRead):
    note: Annotated[str, Requires()] = "none"

    @model_validator(mode="before")
    @classmethod
    def look(cls, data: Any) -> Any:
        assert data.title
        return data


class TeamRead(BaseModel):
    name: str


class MissionRead(BaseModel):
    title: str


class HeroRead(BaseModel):
    name: str
    team: TeamRead | None
    missions: list[MissionRead]


class HeroName(BaseModel):
    name: str


@pytest.fixture
async def filled(guild: Database) -> Database:
    """Heroes of its own: the test writes."""
    await fill(guild)
    return guild


@pytest.mark.parametrize("schema", [SheetRead, SheetHooked])
async def test_a_schema_of_columns_takes_no_statement_more(guild: Database, schema: Any) -> None:
    async with guild.session() as session:
        sheets = SheetService(session)
        with count_statements(guild) as plain:
            await sheets.create({"title": "a"})
        with count_statements(guild) as statements:
            made = await sheets.create({"title": "a", "pages": 4}, into=schema)
        assert len(statements.statements) == len(plain.statements)
        assert (made.number, made.doubled, made.state, made.version) == (2, 8, "new", 1)
        with count_statements(guild) as plain:
            await sheets.update(1, {"pages": 3})
        with count_statements(guild) as statements:
            changed = await sheets.update(1, {"pages": 5}, into=schema)
        assert len(statements.statements) == len(plain.statements)
        assert (changed.pages, changed.doubled, changed.version) == (5, 10, 3)
        assert changed == await sheets.into(schema).get(1)


async def test_relations_are_read_by_the_plan(filled: Database) -> None:
    async with filled.session() as session:
        heroes = HeroService(session)
        with count_statements(filled) as plain:
            await heroes.create({"name": "x", "team_id": 1})
        with count_statements(filled) as statements:
            made = await heroes.create({"name": "y", "team_id": 1}, into=HeroRead)
        assert len(statements.statements) == len(plain.statements) + 2
        assert made == HeroRead(name="y", team=TeamRead(name="Avengers"), missions=[])
        changed = await heroes.update(1, {"team_id": None}, into=HeroRead)
        assert (changed.team, len(changed.missions)) == (None, 3)
        unchanged = await heroes.update(1, {}, into=HeroRead)
        assert unchanged == changed


async def test_many_come_in_the_order_given(filled: Database) -> None:
    async with filled.session() as session:
        heroes = HeroService(session)
        payloads = [{"name": f"h{number}", "team_id": number % 2 + 1} for number in range(5)]
        made = await heroes.create_many(payloads, into=HeroRead)
        assert [item.name for item in made] == [f"h{number}" for number in range(5)]
        assert [item.team.name for item in made if item.team][:2] == ["Avengers", "League"]
        assert await heroes.create_many([], into=HeroRead) == []


async def test_composite_keys_are_answered_too(guild: Database) -> None:
    class TicketRead(BaseModel):
        price: int

    class SeatRead(BaseModel):
        guest: str | None
        tickets: list[TicketRead]

    async with guild.session() as session:
        made = await SeatService(session).create(
            {"hall": "a", "number": 2, "guest": "Ann"}, into=SeatRead
        )
        assert made == SeatRead(guest="Ann", tickets=[])


async def test_a_schema_that_does_not_fit_is_refused_before_anything_is_written(
    guild: Database,
) -> None:
    class Wrong(BaseModel):
        nmae: str

    async with guild.session() as session:
        heroes = HeroService(session)
        with count_statements(guild) as statements:
            with pytest.raises(InvalidSchema, match="nmae"):
                await heroes.create({"name": "x"}, into=Wrong)
            with pytest.raises(InvalidSchema, match="nmae"):
                await heroes.update(1, {"name": "x"}, into=Wrong)
        statements.expect(0)


async def test_what_is_not_there_is_not_answered(guild: Database) -> None:
    async with guild.session() as session:
        sheet = await SheetService(session).create({"title": "a"})
        with pytest.raises(StaleVersion):
            await SheetService(session).update(sheet.id, {"pages": 2}, version=7, into=SheetRead)
        with pytest.raises(NotFound):
            await HeroService(session).update(7, {"name": "x"}, into=HeroName)
        with pytest.raises(NotFound):
            await HeroService(session).update(7, {}, into=HeroName)
