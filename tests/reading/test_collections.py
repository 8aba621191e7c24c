"""Collections on terms of their own: order, limit and filter for each parent."""

from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, TypeAdapter
from tests.guild import CityService, HeroService, Mission, SeatService, TeamService

from colonnade import Database, Rows, any_of
from colonnade.errors import InvalidOperand, InvalidPage, InvalidSchema, UnknownField
from colonnade.testing import count_statements

MISSION: Any = Mission


class MissionRead(BaseModel):
    title: str
    year: int


class HeroRead(BaseModel):
    id: int
    missions: list[MissionRead]


class Declared(BaseModel):
    id: int
    newest: Annotated[list[MissionRead], Rows("-year", limit=1)] = Field(
        validation_alias="missions"
    )
    done: Annotated[list[MissionRead], Rows(where={"done": True})] = Field(
        validation_alias="missions"
    )
    missions: list[MissionRead]


class PowerRead(BaseModel):
    name: str


class PupilRead(BaseModel):
    id: int
    powers: list[PowerRead]


class MentorRead(BaseModel):
    id: int
    pupils: list[PupilRead]
    powers: list[PowerRead]


def years(found: list[Any]) -> list[list[int]]:
    return [[mission.year for mission in hero.missions] for hero in found]


async def test_a_schema_declares_the_terms_of_a_collection(heroes: Database) -> None:
    async with heroes.reader() as session:
        with count_statements(heroes) as statements:
            found = await HeroService(session).where(id__in=[1, 2, 7]).into(Declared).all()
        statements.expect(4)
    assert [[item.year for item in hero.newest] for hero in found] == [[2021], [2022], [2020]]
    assert [[item.year for item in hero.done] for hero in found] == [[2020, 2021], [], [2020]]
    assert years(found) == [[2019, 2020, 2021], [2022], [2020]]


async def test_a_call_gives_the_terms_of_a_collection(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where(id__in=[1, 2, 3, 7])
        latest = await query.into(HeroRead, missions=Rows("-year", limit=2)).all()
        assert years(latest) == [[2021, 2020], [2022], [], [2020]]
        recent = query.into(HeroRead, missions=Rows(where={"year__gte": 2020, "title": "rescue"}))
        assert years(await recent.all()) == [[2021], [], [], [2020]]
        either = Rows(where=any_of(year=2019, place__name="Oslo"))
        assert years(await query.into(HeroRead, missions=either).all()) == [
            [2019, 2021],
            [2022],
            [],
            [],
        ]
        raw = Rows("year", where=MISSION.year > 2020, limit=5)
        assert years(await query.into(HeroRead, missions=raw).all()) == [[2021], [2022], [], []]
        none = query.into(HeroRead, missions=Rows(limit=0))
        assert years(await none.all()) == [[], [], [], []]


async def test_the_limit_holds_for_each_parent_and_ranks_among_theirs_only(
    heroes: Database,
) -> None:
    async with heroes.reader() as session:
        with count_statements(heroes) as statements:
            await HeroService(session).into(HeroRead, missions=Rows("-year", limit=1)).all()
        statements.expect(2)
        inner, _, _ = statements.statements[1].rpartition(")")
        assert "row_number() OVER (PARTITION BY mission.hero_id" in inner
        assert "mission.hero_id IN (" in inner


async def test_a_limit_ranks_across_a_link_table_and_in_the_relations_own_order(
    heroes: Database,
) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where(id__in=[1, 2])
        found = await query.into(PupilRead, powers=Rows(limit=2)).all()
        # The relation sorts by name, descending.
        assert [[power.name for power in item.powers] for item in found] == [
            ["swim", "fly"],
            ["fly"],
        ]


async def test_terms_sort_by_what_a_relation_leads_to(heroes: Database) -> None:
    class Read(BaseModel):
        name: str | None
        missions: Annotated[list[MissionRead], Rows(["-hero.id", "year"], limit=2)]

    async with heroes.reader() as session:
        found = await CityService(session).where(name="Oslo").into(Read).all()
        assert years(found) == [[2022, 2021]]


async def test_terms_lead_through_what_is_nested(heroes: Database) -> None:
    async with heroes.reader() as session:
        first = HeroService(session).where(id=1)
        found = await first.into(
            MentorRead, pupils=Rows("-id", limit=2), pupils__powers=Rows("name", limit=1)
        ).one()
        assert [pupil.id for pupil in found.pupils] == [5, 4]
        assert [[power.name for power in pupil.powers] for pupil in found.pupils] == [["swim"], []]
        # What has terms is read apart from the like that has none.
        assert [power.name for power in found.powers] == ["swim", "fly", "dig"]
        dotted = {"pupils.powers": Rows(limit=0)}
        found = await first.into(MentorRead, **dotted).one()
        assert all(pupil.powers == [] for pupil in found.pupils)


async def test_values_of_terms_share_a_statement(heroes: Database) -> None:
    from tests.guild import Hero

    from colonnade.reading import terms_of
    from colonnade.reading.program import program_of
    from colonnade.schemas import plan_of
    from colonnade.spec import Shape, Spec

    plan = plan_of(Hero, HeroRead)
    spec = Spec(Shape(Hero))

    def program(year: int) -> Any:
        return program_of(spec, plan, terms_of(plan, {"missions": Rows(where={"year": year})}))

    assert program(2020) is program(2021)
    async with heroes.reader() as session:
        found = [
            await HeroService(session)
            .where(id=1)
            .into(HeroRead, missions=Rows(where={"year": year}))
            .one()
            for year in (2020, 2021)
        ]
    assert years(found) == [[2020], [2021]]


def test_children_are_read_by_one_statement_whatever_is_asked_of_their_parents() -> None:
    from tests.guild import Hero

    from colonnade.filters import parse_lookups
    from colonnade.ordering import sort_keys_of as order_of
    from colonnade.reading import terms_of
    from colonnade.reading.program import program_of
    from colonnade.schemas import plan_of
    from colonnade.spec import Shape, Spec

    plan = plan_of(Hero, HeroRead)
    every = Spec(Shape(Hero))
    named = every.filtered(*parse_lookups(Hero, {"team__name": "x"})).cut(limit=7)
    ordered = Spec(Shape(Hero, order=order_of(Hero, ("-age", "team.name"))))

    def children(spec: Spec, **given: Rows) -> list[Any]:
        program = program_of(spec, plan, terms_of(plan, given))
        return [collection.statement for collection in program.collections]

    assert len(children(every)) > 0
    assert children(every) == children(named) == children(ordered)
    few = Rows("-year", limit=7)
    assert children(every, missions=few) == children(named, missions=Rows("-year", limit=8))
    assert children(every, missions=few) != children(every)


@pytest.mark.parametrize("limit", [0, 1, 2, 4, 2_000])
async def test_a_limit_holds_for_each_parent_in_rows_and_in_documents(
    heroes: Database, limit: int
) -> None:
    async with heroes.reader() as session:
        everyone = HeroService(session).where().order_by("id")
        whole = await everyone.into(HeroRead, missions=Rows("-id")).all()
        asked = everyone.into(HeroRead, missions=Rows("-id", limit=limit)).limit(7)
        found = await asked.all()
        assert [hero.missions for hero in found] == [hero.missions[:limit] for hero in whole[:7]]
        adapter = TypeAdapter(list[HeroRead])
        assert adapter.validate_json(await asked.json.all()) == found


async def test_terms_that_do_not_fit_are_refused_before_any_statement(heroes: Database) -> None:
    async with heroes.reader() as session:
        service: Any = HeroService(session)
        with count_statements(heroes) as statements:
            with pytest.raises(InvalidSchema, match="no collection 'mission'") as caught:
                service.into(HeroRead, mission=Rows())
            assert "did you mean 'missions'?" in (caught.value.hint or "")
            with pytest.raises(InvalidOperand, match="missions takes Rows, not int"):
                service.into(HeroRead, missions=3)
            with pytest.raises(UnknownField, match="yaer"):
                service.into(HeroRead, missions=Rows("yaer"))
            with pytest.raises(InvalidPage, match="limit"):
                service.into(HeroRead, missions=Rows(limit=-1))
        statements.expect(0)


async def test_children_are_found_by_their_own_column_where_it_decides(heroes: Database) -> None:
    class Pupils(BaseModel):
        pupils: list[PupilRead]

    class Members(BaseModel):
        name: str
        heroes: list[PupilRead]

    async with heroes.reader() as session:
        with count_statements(heroes) as statements:
            found = await HeroService(session).where(id__lte=2).into(Pupils).all()
            assert [[item.id for item in hero.pupils] for hero in found] == [[2, 3, 4, 5], [6]]
            members = await TeamService(session).into(Members).all()
            assert [len(team.heroes) for team in members] == [4, 4, 0]
        children = statements.statements[1], statements.statements[4]
        assert "mentor_id IN" in children[0]
        assert all("JOIN" not in text for text in children)


async def test_children_of_composite_keys_are_found(guild: Database) -> None:
    class TicketRead(BaseModel):
        price: int

    class SeatRead(BaseModel):
        number: int
        tickets: list[TicketRead]

    from tests.guild import TicketService

    async with guild.session() as session:
        seats = SeatService(session)
        await seats.create_many([{"hall": "a", "number": number} for number in range(3)])
        tickets = TicketService(session)
        for number, price in ((0, 1), (0, 3), (2, 5), (None, 7)):
            hall = None if number is None else "a"
            await tickets.create({"hall": hall, "number": number, "price": price})
        found = await seats.into(SeatRead).order_by("number").all()
        assert [[item.price for item in seat.tickets] for seat in found] == [[1, 3], [], [5]]
        found = await seats.into(SeatRead, tickets=Rows("-price", limit=1)).all()
        assert [[item.price for item in seat.tickets] for seat in found] == [[3], [], [5]]


async def test_text_keys_are_matched_by_the_database(guild: Database) -> None:
    """MariaDB finds 'A' equal to 'a': the child goes where the database says."""

    class TicketRead(BaseModel):
        price: int

    class SeatRead(BaseModel):
        hall: str
        tickets: list[TicketRead]

    from tests.guild import TicketService

    async with guild.session() as session:
        await SeatService(session).create({"hall": "a", "number": 1})
        if guild.engine.dialect.name == "mysql":
            await TicketService(session).create({"hall": "A", "number": 1, "price": 4})
            (found,) = await SeatService(session).into(SeatRead).all()
            assert [item.price for item in found.tickets] == [4]
