"""Reading schemas: the same as validating the entity, from no more than is named."""

import re
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    computed_field,
)
from pydantic.alias_generators import to_camel
from sqlalchemy import insert
from sqlmodel import SQLModel
from tests.guild import (
    City,
    CityService,
    Hero,
    HeroService,
    Kind,
    MissionService,
    OddService,
    SeatService,
    TeamService,
    TicketService,
)

from colonnade import Database, Page
from colonnade.errors import InvalidSchema, NotFound
from colonnade.testing import count_statements

HERO: Any = Hero


class CityRead(BaseModel):
    country: str | None


class TeamRead(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)
    name: str
    city_id: int | None
    city: CityRead | None


class PowerRead(SQLModel):
    name: str


class MissionRead(BaseModel):
    title: str = Field(alias="missionTitle")
    year: int = Field(validation_alias=AliasChoices("when", "jahr"))
    place: CityRead | None = Field(validation_alias=AliasPath("at", 0), serialization_alias="where")


class PupilRead(BaseModel):
    id: int
    powers: list[PowerRead]


class HeroRead(BaseModel):
    """Nested every way: to one, optional, to many, many to many, itself."""

    id: int
    name: Annotated[str, Field(max_length=20)] = Field(serialization_alias="heroName")
    fee: Decimal | None
    kind: Kind | None
    team: TeamRead | None
    mentor: PupilRead | None
    powers: list[PowerRead]
    missions: list[MissionRead]
    pupils: tuple[PupilRead, ...]

    @computed_field
    def loud(self) -> str:
        return self.name.upper()


class HeroName(BaseModel):
    name: str


LOADED = ("team.city", "mentor.powers", "powers", "missions.place", "pupils.powers")


async def test_a_schema_is_filled_as_from_the_entity(heroes: Database) -> None:
    async with heroes.reader() as session:
        entities = await HeroService(session).where().load(*LOADED).all()
        expected = [
            HeroRead.model_validate(entity, from_attributes=True, by_name=True, by_alias=False)
            for entity in entities
        ]
    async with heroes.reader() as session:
        found = await HeroService(session).into(HeroRead).all()
    assert found == expected
    assert found[0].missions[0].year == 2019
    assert [pupil.id for pupil in found[0].pupils] == [2, 3, 4, 5]
    assert found[5].team is None


async def test_json_is_what_the_objects_write_by_alias(heroes: Database) -> None:
    async with heroes.reader() as session:
        projection = HeroService(session).into(HeroRead).order_by("-id")
        found = await projection.all()
        expected = TypeAdapter(list[HeroRead]).dump_json(found, by_alias=True)
        assert await projection.json.all() == expected
        assert b'"heroName"' in expected
        assert b'"cityId"' in expected
        assert b'"missionTitle"' in expected
        one = found[-1].model_dump_json(by_alias=True).encode()
        assert await projection.json.get(1) == one
        assert await projection.where(id=1).json.one() == one
        page = await projection.page(2, size=5)
        assert (
            await projection.json.page(2, size=5)
            == (Page[HeroRead].model_validate(page.model_dump(), by_name=True, by_alias=False))
            .model_dump_json(by_alias=True)
            .encode()
        )
        assert await projection.where(id=0).json.all() == b"[]"
        empty = await projection.where(id=0).json.page(count="none")
        assert empty.startswith(b'{"items":[],"number":1,"size":50,"total":null')


@pytest.mark.parametrize("rows", [1, 12])
async def test_one_statement_and_one_for_each_collection_however_many_rows(
    heroes: Database, rows: int
) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where(id__lte=rows)
        with count_statements(heroes) as statements:
            assert len(await query.into(HeroName).all()) == rows
        statements.expect(1)
        with count_statements(heroes) as statements:
            assert len(await query.into(HeroRead).all()) == rows
        # The rows; powers (of mentors too), missions, pupils; the powers of pupils.
        statements.expect(5)


async def test_only_columns_that_are_named_are_read(heroes: Database) -> None:
    class TeamName(BaseModel):
        name: str

    class Named(BaseModel):
        age: int | None
        team: TeamName | None

    async with heroes.reader() as session:
        with count_statements(heroes) as statements:
            await HeroService(session).into(Named).all()
        (text,) = statements.statements
        selected = text.partition("FROM")[0]
        columns = re.findall(r"\.`?(\w+)`? AS", selected)
        # The team's key tells whether there is one.
        assert sorted(columns) == ["age", "id", "name"]


async def test_a_collection_alone_reads_the_key_and_no_more(heroes: Database) -> None:
    class Only(BaseModel):
        missions: list[MissionRead]

    async with heroes.reader() as session:
        with count_statements(heroes) as statements:
            found = await HeroService(session).into(Only).limit(2).all()
        statements.expect(2)
        assert [len(item.missions) for item in found] == [3, 1]
        assert re.findall(r"\.`?(\w+)`? AS", statements.statements[0].partition("FROM")[0]) == [
            "id"
        ]


async def test_an_object_whose_columns_are_all_null_is_there_all_the_same(
    heroes: Database,
) -> None:
    async with heroes.reader() as session:
        league = await TeamService(session).into(TeamRead).get(2)
        nobody = await TeamService(session).into(TeamRead).get(3)
        assert league.city == CityRead(country=None)
        assert nobody.city is None


async def test_where_nothing_is_nothing_is_found(heroes: Database) -> None:
    async with heroes.reader() as session:
        nobody = HeroService(session).where(id=0).into(HeroRead)
        with count_statements(heroes) as statements:
            assert await nobody.all() == []
        statements.expect(1)
        assert await nobody.first() is None
        assert await nobody.one_or_none() is None
        assert await nobody.count() == 0
        assert not await nobody.exists()
        with pytest.raises(NotFound):
            await nobody.one()
        with pytest.raises(NotFound):
            await nobody.get(1)
        with pytest.raises(NotFound):
            await nobody.json.get(1)
        with pytest.raises(NotFound):
            await nobody.json.one()


async def test_collections_come_in_the_order_that_the_relation_has(heroes: Database) -> None:
    async with heroes.reader() as session:
        found = await HeroService(session).into(HeroRead).get(1)
        assert [mission.year for mission in found.missions] == [2019, 2020, 2021]
        assert [power.name for power in found.powers] == ["swim", "fly", "dig"]


async def test_a_parent_met_twice_has_its_children_twice(heroes: Database) -> None:
    """Four pupils have one mentor: each gets the mentor's powers, from one statement."""

    class Pupil(BaseModel):
        mentor: PupilRead | None

    async with heroes.reader() as session:
        with count_statements(heroes) as statements:
            found = await HeroService(session).where(mentor_id=1).into(Pupil).all()
        statements.expect(2)
        assert [len(item.mentor.powers) for item in found if item.mentor] == [3] * 4


async def test_conditions_order_and_cuts_hold_for_schemas_too(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where(team__name="Avengers").order_by("-id").load("team")
        projection = query.into(HeroRead).where(HERO.id > 1).limit(2)
        assert [hero.id for hero in await projection.all()] == [10, 7]
        assert [hero.id for hero in await projection.offset(2).all()] == [4]
        page = await query.into(HeroRead).page(1, size=3)
        assert ([hero.id for hero in page.items], page.total) == ([10, 7, 4], 4)


async def test_a_filter_and_a_field_on_one_relation_join_it_once(heroes: Database) -> None:
    async with heroes.reader() as session:
        with count_statements(heroes) as statements:
            await HeroService(session).where(team__name="x").into(HeroRead).all()
        assert statements.statements[0].count("JOIN team") == 1


async def test_renamed_columns_and_composite_keys_are_read_by_attribute(guild: Database) -> None:
    class TicketRead(SQLModel):
        price: int

    class SeatRead(BaseModel):
        hall: str
        tickets: list[TicketRead]

    class SeatOfTicket(BaseModel):
        guest: str | None

    class Sold(BaseModel):
        price: int
        seat: SeatOfTicket | None

    class OddRead(BaseModel):
        real_name: str
        self: int

    async with guild.session() as session:
        await SeatService(session).create_many(
            [{"hall": hall, "number": number} for hall in "ab" for number in (1, 2)]
        )
        await TicketService(session).create_many(
            [
                {"hall": "b", "number": 2, "price": 7},
                {"hall": "b", "number": 1, "price": 8},
                {"hall": "b", "number": 2, "price": 9},
                {"price": 1},
            ]
        )
        await OddService(session).create({"real_name": "x", "self": 3})
    async with guild.reader() as session:
        with count_statements(guild) as statements:
            found = await SeatService(session).into(SeatRead).all()
        statements.expect(2)
        assert [[ticket.price for ticket in seat.tickets] for seat in found] == [
            [],
            [],
            [8],
            [7, 9],
        ]
        assert (await SeatService(session).into(SeatRead).get(("b", 1))).hall == "b"
        sold = await TicketService(session).into(Sold).all()
        # A seat without a guest is one all the same; no seat is none.
        assert [item.seat is not None for item in sold] == [True, True, True, False]
        odd = await OddService(session).into(OddRead).one()
        assert (odd.real_name, odd.self) == ("x", 3)


async def test_more_parents_than_one_statement_binds_get_their_children(
    guild: Database,
) -> None:
    class Row(BaseModel):
        missions: list[MissionRead]

    async with guild.session() as session:
        await session.execute(insert(City), [{"id": number} for number in range(1, 10_002)])
        hero = await HeroService(session).create({"name": "x"})
        mission = {"title": "t", "year": 1, "hero_id": hero.id, "place_id": 10_001}
        await MissionService(session).create(mission)
        with count_statements(guild) as statements:
            found = await CityService(session).into(Row).all()
        statements.expect(3)
        assert [len(item.missions) for item in found[-2:]] == [0, 1]


async def test_a_schema_that_does_not_fit_is_refused_before_any_statement(
    heroes: Database,
) -> None:
    class Wrong(BaseModel):
        nmae: str

    async with heroes.reader() as session:
        with count_statements(heroes) as statements, pytest.raises(InvalidSchema, match="nmae"):
            HeroService(session).into(Wrong)
        statements.expect(0)


async def test_what_the_schema_refuses_is_the_schemas_to_say(heroes: Database) -> None:
    class Strict(BaseModel):
        age: int

    async with heroes.reader() as session:
        with pytest.raises(ValueError, match="Input should be a valid integer"):
            await HeroService(session).into(Strict).all()
        assert len(await HeroService(session).where(age__ne=None).into(Strict).all()) == 9


async def test_one_shape_and_schema_have_one_statement(heroes: Database) -> None:
    from colonnade.filters import parse_lookups
    from colonnade.reading.program import program_of
    from colonnade.schemas import plan_of
    from colonnade.spec import Shape, Spec

    def ask(number: int) -> Any:
        nodes, values = parse_lookups(Hero, {"age__gt": number, "id__in": range(number)})
        return program_of(Spec(Shape(Hero, nodes), values), plan_of(Hero, HeroRead), {}).statement

    assert ask(1) is ask(2) is ask(70)
