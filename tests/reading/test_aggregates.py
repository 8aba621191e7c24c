"""Groups and figures about children, beside plain Python, on every database."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator
from pydantic.alias_generators import to_camel
from sqlalchemy import false, func, literal, select, true
from tests.guild import (
    CityService,
    Hero,
    HeroService,
    Kind,
    MissionService,
    SeatService,
    TeamService,
    TicketService,
)

from colonnade import Avg, Count, Database, Group, Max, Min, Sum, any_of, not_, some
from colonnade.errors import (
    AmbiguousLookup,
    InvalidOperand,
    InvalidSchema,
    NotFound,
    UnknownField,
    UnknownOperator,
)
from colonnade.schemas import Rows
from colonnade.testing import count_statements

HERO: Any = Hero


class TeamStats(BaseModel):
    team_id: int | None
    heroes: Annotated[int, Count()]
    oldest: Annotated[int | None, Max("age")]


class Totals(BaseModel):
    heroes: Annotated[int, Count()]
    ages: Annotated[int, Sum("age")]
    fees: Annotated[Decimal | None, Sum("fee")]


class TeamName(BaseModel):
    name: str


class ByTeam(BaseModel):
    team: TeamName | None
    heroes: Annotated[int, Count()]


class PowerStats(BaseModel):
    name: str
    heroes: Annotated[int, Count("heroes")]


class HeroRead(BaseModel):
    name: str
    missions: Annotated[int, Count("missions")]
    done: Annotated[int, Count("missions").where(done=True)]
    last: Annotated[int | None, Max("missions.year")]
    pupils: Annotated[int, Count("pupils")]
    powers: Annotated[int, Count("powers")]
    colleagues: Annotated[int, Count("team.heroes")]


async def test_plain_fields_are_the_groups(heroes: Database) -> None:
    async with heroes.reader() as session:
        with count_statements(heroes) as statements:
            found = await HeroService(session).into(TeamStats).order_by("team_id").all()
        statements.expect(1)
    assert [tuple(item.model_dump().values()) for item in found] == [
        (1, 4, 4),
        (2, 4, 5),
        (None, 4, 4),
    ]


async def test_without_groups_there_is_one_object_even_of_nothing(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where()
        assert await query.into(Totals).one() == Totals(heroes=12, ages=21, fees=Decimal("12.50"))
        nothing = query.where(false()).into(Totals)
        assert await nothing.all() == [Totals(heroes=0, ages=0, fees=None)]
        assert await nothing.count() == 1


async def test_conditions_narrow_rows_before_they_are_grouped(heroes: Database) -> None:
    async with heroes.reader() as session:
        stats = HeroService(session).where(age__gte=2).into(TeamStats)
        before = await stats.order_by("team_id").all()
        after = await stats.where(active=True).where(name__ne="1000").order_by("team_id").all()
    assert [(item.team_id, item.heroes) for item in before] == [(1, 2), (2, 2), (None, 2)]
    assert [(item.team_id, item.heroes) for item in after] == [(2, 1)]


async def test_expressions_narrow_groups_too(heroes: Database) -> None:
    async with heroes.reader() as session:
        found = await HeroService(session).where(HERO.age > 3).into(TeamStats).count()
    assert found == 3


async def test_groups_are_asked_by_their_figures(heroes: Database) -> None:
    class ByKind(BaseModel):
        kind: Kind | None
        heroes: Annotated[int, Count()]
        fees: Annotated[Decimal | None, Sum("fee")]
        mean: Annotated[float | None, Avg("height")]

    async with heroes.reader() as session:
        kinds = HeroService(session).into(ByKind)
        everything = await kinds.order_by("fees").all()
        assert [(item.kind, item.fees, item.mean) for item in everything] == [
            (Kind.VILLAIN, Decimal("2.50"), 1.75),
            (None, Decimal("4.50"), 1.5),
            (Kind.HERO, Decimal("5.50"), 1.0),
        ]
        rich = await kinds.having(fees__gt=Decimal("4.50"), heroes__gte=1).all()
        assert [item.kind for item in rich] == [Kind.HERO]
        either = kinds.having(any_of({"fees__lt": 3}, {"kind__isnull": True}))
        assert await either.count() == 2
        assert await kinds.having(heroes__in=[1, 2, 3]).exists() is False
        assert await kinds.having(heroes__between=(4, 4), mean__gt=0.1).count() == 3
        assert await kinds.having(kind=Kind.VILLAIN).one() == await kinds.get(Kind.VILLAIN)


async def test_having_is_checked_like_any_condition(heroes: Database) -> None:
    async with heroes.reader() as session:
        stats = HeroService(session).into(TeamStats)
        with pytest.raises(UnknownField) as caught:
            stats.having(heros__gte=1)
        assert caught.value.hint == (
            "did you mean 'heroes'? TeamStats has: heroes, oldest, team_id"
        )
        with pytest.raises(InvalidOperand, match="heroes__gte takes int"):
            stats.having(heroes__gte="many")
        with pytest.raises(UnknownOperator):
            stats.having(heroes__contains="1")
        with pytest.raises(UnknownField):
            stats.where(heroes__gte=1)
        with pytest.raises(InvalidOperand, match="has no aggregates"):
            HeroService(session).into(TeamName).having(name="x")


async def test_groups_are_sorted_by_figures_and_closed_by_what_they_are(heroes: Database) -> None:
    async with heroes.reader() as session:
        stats = HeroService(session).into(TeamStats)
        assert [item.team_id for item in await stats.order_by("-heroes").all()] == [None, 2, 1]
        assert [item.team_id for item in await stats.order_by("-oldest").all()] == [2, None, 1]
        with pytest.raises(UnknownField, match="TeamStats has no field 'age'"):
            stats.order_by("age")


async def test_groups_come_in_pages(heroes: Database) -> None:
    async with heroes.reader() as session:
        stats = HeroService(session).into(TeamStats).order_by("heroes")
        everything = await stats.all()
        assert await stats.count() == 3
        page = await stats.page(2, size=2)
        assert (page.items, page.total, page.pages) == (everything[2:], 3, 2)
        assert (await stats.page(9, size=2)).total == 3
        assert (await stats.page(1, size=2, count="none")).has_more
        assert await stats.limit(1).offset(1).all() == everything[1:2]
        assert await stats.first() == everything[0]
        json = await stats.json.page(1, size=1)
        assert json.startswith(b'{"items":[{"team_id":1,"heroes":4,"oldest":4}]')


@pytest.mark.parametrize(
    "order", ["-heroes", "team_id", "-team_id", "team_id nulls first", "oldest"]
)
async def test_groups_are_scrolled_though_one_of_them_is_null(heroes: Database, order: str) -> None:
    async with heroes.reader() as session:
        stats = HeroService(session).where(id__lt=11).into(TeamStats).order_by(order)
        everything = await stats.all()
        assert len(everything) == 3
        found = list((page := await stats.scroll(size=1)).items)
        while page.next:
            page = await stats.scroll(size=1, after=page.next)
            found += page.items
        assert found == everything
        found = list(page.items)
        while page.previous:
            page = await stats.scroll(size=1, before=page.previous)
            found[:0] = page.items
        assert found == everything


async def test_limits_and_orders_of_rows_are_no_groups(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where()
        for cut in (query.limit(3), query.offset(3), query.order_by("age")):
            with pytest.raises(InvalidOperand, match="TeamStats is about groups") as caught:
                cut.into(TeamStats)
            assert caught.value.hint == "call into() first: what follows it is about the groups"


async def test_a_group_is_got_by_its_value(heroes: Database) -> None:
    async with heroes.reader() as session:
        stats = HeroService(session).into(TeamStats)
        assert (await stats.get(1)).oldest == 4
        assert (await stats.get(None)).team_id is None
        with pytest.raises(NotFound, match="there is no TeamStats of this group"):
            await stats.get(99)
        with pytest.raises(NotFound):
            await stats.having(heroes__gt=4).get(1)
        with pytest.raises(InvalidOperand, match="is team_id, not 2 values"):
            await stats.get((1, 2))
        with pytest.raises(InvalidOperand, match="has no groups"):
            await HeroService(session).into(Totals).get(1)


async def test_a_single_object_is_a_group(heroes: Database) -> None:
    async with heroes.reader() as session:
        stats = HeroService(session).into(ByTeam)
        with count_statements(heroes) as statements:
            found = await stats.order_by("-team.name").all()
        statements.expect(1)
        assert [item.team and item.team.name for item in found] == [None, "League", "Avengers"]
        assert await stats.having(team__name__startswith="A").all() == found[2:]

        class Hidden(BaseModel):
            team: TeamName | None
            team_id: Annotated[int, Count()]

        hidden = await HeroService(session).into(Hidden).order_by("-team.name").all()
        assert [item.team_id for item in hidden] == [4, 4, 4]
        # The key of the group is the team, by its foreign key.
        assert await stats.having(team_id=2).all() == found[1:2]


async def test_a_group_is_renamed_and_follows_relations(heroes: Database) -> None:
    class ByCity(BaseModel):
        country: Annotated[str | None, Group("team.city.country")]
        hero: str = Field(validation_alias="name", serialization_alias="heroName")
        heroes: Annotated[int, Count()]

    class ByCountry(BaseModel):
        country: Annotated[str | None, Group("team.city.country")]
        heroes: Annotated[int, Count()]
        tallest: Annotated[float | None, Max("height")]

    async with heroes.reader() as session:
        service = HeroService(session)
        assert await service.into(ByCity).count() == 12
        json = await service.where(id=1).into(ByCity).json.one()
        assert json == b'{"country":"NO","heroName":"Ann","heroes":1}'
        found = await service.into(ByCountry).order_by("country").all()
        assert [(item.country, item.heroes) for item in found] == [("NO", 4), (None, 8)]


async def test_texts_are_one_group_only_if_they_are_equal(heroes: Database) -> None:
    class Names(BaseModel):
        name: Annotated[str, Group()]

    class Counted(BaseModel):
        names: Annotated[int, Count("name", distinct=True)]
        slugs: Annotated[int, Count("slug", distinct=True)]
        given: Annotated[int, Count("slug")]

    async with heroes.reader() as session:
        service = HeroService(session)
        names = service.into(Names).order_by("name")
        found = {item.name for item in await names.all()}
        assert found >= {"Ann", "ann", "ANN ", ""}
        assert len(found) == await names.count() == 12
        pages = [await names.page(number, size=5) for number in (1, 2, 3)]
        assert {item.name for page in pages for item in page.items} == found
        assert (await names.get("ann")).name == "ann"
        slugs = {hero.slug for hero in await service.where().all()} - {None}
        counted = await service.into(Counted).one()
    assert (counted.names, counted.slugs) == (12, len(slugs))
    assert counted.given == 10


async def test_children_are_counted_in_a_subquery_that_repeats_nobody(heroes: Database) -> None:
    async with heroes.reader() as session:
        entities = await (
            HeroService(session).where().load("missions", "pupils", "powers", "team.heroes").all()
        )
        with count_statements(heroes) as statements:
            found = await HeroService(session).into(HeroRead).all()
        statements.expect(1)
        for hero, entity in zip(found, entities, strict=True):
            assert hero == HeroRead(
                name=entity.name,
                missions=len(entity.missions),
                done=sum(mission.done for mission in entity.missions),
                last=max((mission.year for mission in entity.missions), default=None),
                pupils=len(entity.pupils),
                powers=len(entity.powers),
                colleagues=len(entity.team.heroes) if entity.team else 0,
            )


async def test_rows_are_asked_and_sorted_by_their_figures(heroes: Database) -> None:
    async with heroes.reader() as session:
        service = HeroService(session)
        query = service.into(HeroRead)
        busy = query.having(missions__gte=1).order_by("-missions", "last", "name")
        assert [item.name for item in await busy.all()] == ["Ann", "axb", "ann"]
        assert await busy.count() == 3
        assert await busy.where(team_id=1).count() == 2
        assert await query.having(missions__gte=4).exists() is False
        either = query.having(any_of(missions__gt=2, pupils=1)).order_by("id")
        assert [item.name for item in await either.all()] == ["Ann", "ann"]
        neither = query.having(not_({"missions": 0, "pupils": 0}), done__lt=2).order_by("name")
        assert {item.name for item in await neither.all()} == {"ann", "axb"}
        assert await query.having({"missions": 3, "powers": 3}).count() == 1
        assert await query.having(true()).count() == 12
        assert await query.order_by("missions", "-missions", "id").all() == (
            await query.order_by("missions", "id").all()
        )
        page = await query.order_by("-missions", "name nulls last").page(1, size=1)
        assert (page.items[0].name, page.total) == ("Ann", 12)
        everything = await query.order_by("-last").all()
        found, cursor = [], None
        while True:
            scrolled = await query.order_by("-last").scroll(size=5, after=cursor)
            found += scrolled.items
            cursor = scrolled.next
            if cursor is None:
                break
        assert found == everything
        assert (await query.get(1)).missions == 3
        assert (await query.having(missions=0).order_by("+pupils").first()) is not None
        with pytest.raises(UnknownField):
            query.having(name="Ann")


async def test_conditions_of_a_figure_are_about_the_children(heroes: Database) -> None:
    class TeamRead(BaseModel):
        id: int
        heroes: Annotated[int, Count("heroes")]
        active: Annotated[int, Count("heroes").where(active=True)]
        busy: Annotated[int, Count("heroes").where(some("missions", done=True))]
        among: Annotated[int, Count("heroes").where(slug__in=["a", "b"]).where(age__lt=5)]
        raw: Annotated[int, Count("heroes").where(HERO.age.between(1, 3))]
        places: Annotated[int, Count("heroes.missions").where(place__country="NO")]
        ages: Annotated[int, Sum("heroes.age").where({"age__gt": 1}, active__isnull=False)]

    async with heroes.reader() as session:
        teams = await TeamService(session).into(TeamRead).order_by("id").all()
        members = await HeroService(session).where().load("missions.place").all()
    for team in teams:
        own = [hero for hero in members if hero.team_id == team.id]
        missions = [mission for hero in own for mission in hero.missions]
        assert team == TeamRead(
            id=team.id,
            heroes=len(own),
            active=sum(hero.active is True for hero in own),
            busy=sum(any(mission.done for mission in hero.missions) for hero in own),
            among=sum(hero.slug in ("a", "b") and hero.age in range(5) for hero in own),
            raw=sum(1 <= (hero.age or 0) <= 3 for hero in own),
            places=sum(bool(m.place and m.place.country == "NO") for m in missions),
            ages=sum(hero.age for hero in own if (hero.age or 0) > 1 and hero.active is not None),
        )


async def test_a_child_that_several_ways_lead_to_counts_once_if_asked(heroes: Database) -> None:
    class TeamRead(BaseModel):
        id: int
        powers: Annotated[int, Count("heroes.powers", distinct=True)]
        ways: Annotated[int, Count("heroes.powers")]
        years: Annotated[int, Count("heroes.missions.year", distinct=True)]
        mentors: Annotated[int, Count("heroes.mentor", distinct=True)]
        mentored: Annotated[int, Count("heroes.mentor")]

    async with heroes.reader() as session:
        teams = await TeamService(session).into(TeamRead).order_by("id").all()
    assert [tuple(team.model_dump().values()) for team in teams] == [
        (1, 3, 3, 3, 1, 1),
        (2, 2, 2, 1, 1, 2),
        (3, 0, 0, 0, 0, 0),
    ]


async def test_figures_stand_in_nested_schemas(heroes: Database) -> None:
    class Member(BaseModel):
        name: str
        missions: Annotated[int, Count("missions")]
        powers: Annotated[int, Count("powers")]

    class TeamOf(BaseModel):
        name: str
        size: Annotated[int, Count("heroes")]

    class HeroIn(Member):
        team: TeamOf | None
        mentor: Member | None

    class Roster(BaseModel):
        name: str
        size: Annotated[int, Count("heroes")]
        heroes: list[Member]

    async with heroes.reader() as session:
        with count_statements(heroes) as statements:
            rosters = await TeamService(session).into(Roster).order_by("id").all()
        statements.expect(2)
        assert [(team.name, team.size) for team in rosters] == [
            ("Avengers", 4),
            ("League", 4),
            ("Nobody", 0),
        ]
        assert rosters[0].heroes[0] == Member(name="Ann", missions=3, powers=3)
        first = TeamService(session).into(Roster, heroes=Rows("-name", limit=1))
        assert [len(team.heroes) for team in await first.order_by("id").all()] == [1, 1, 0]
        with count_statements(heroes) as statements:
            ann = await HeroService(session).into(HeroIn).order_by("id").all()
        statements.expect(1)
        assert ann[1].mentor == Member(name="Ann", missions=3, powers=3)
        assert ann[1].team == TeamOf(name="League", size=4)
        assert ann[2].team is None


async def test_figures_go_with_aliases_and_validators(heroes: Database) -> None:
    class Loud(BaseModel):
        model_config = ConfigDict(alias_generator=to_camel)
        id: int
        hero_count: Annotated[int, Count("heroes")]
        members: list[TeamName] = Field(validation_alias="heroes")

        @model_validator(mode="before")
        @classmethod
        def look(cls, given: Any) -> Any:
            return given

    class LoudStats(BaseModel):
        team_id: int | None = Field(alias="teamId")
        n: Annotated[int, Count()] = Field(alias="heroes")
        heroes: Annotated[int | None, Max("age")] = Field(alias="oldest")

        @model_validator(mode="before")
        @classmethod
        def look(cls, given: Any) -> Any:
            return given

    async with heroes.reader() as session:
        team = await TeamService(session).into(Loud).get(1)
        assert (team.hero_count, len(team.members)) == (4, 4)
        assert b'"heroCount":4' in await TeamService(session).into(Loud).json.get(1)
        stats = await HeroService(session).into(LoudStats).get(1)
        assert (stats.n, stats.heroes) == (4, 4)


async def test_groups_add_up_the_figures_of_their_rows(heroes: Database) -> None:
    class Grouped(BaseModel):
        team_id: int | None
        heroes: Annotated[int, Count()]
        missions: Annotated[int, Count("missions")]
        done: Annotated[int, Count("missions").where(done=True)]
        years: Annotated[int, Sum("missions.year")]
        nothing: Annotated[int | None, Sum("pupils.age").where(age__gt=99)]
        first: Annotated[int | None, Min("missions.year")]
        last: Annotated[int | None, Max("missions.year")]

    async with heroes.reader() as session:
        found = await HeroService(session).into(Grouped).order_by("team_id").all()
        assert [tuple(item.model_dump().values()) for item in found] == [
            (1, 4, 4, 3, 2021 + 2019 + 2020 + 2020, None, 2019, 2021),
            (2, 4, 1, 0, 2022, None, 2022, 2022),
            (None, 4, 0, 0, 0, None, None, None),
        ]


async def test_a_name_with_two_meanings_is_no_order(heroes: Database) -> None:
    class Confused(BaseModel):
        id: int
        age: Annotated[int | None, Max("missions.year")]

    async with heroes.reader() as session:
        query = HeroService(session).into(Confused)
        assert (await query.get(1)).age == 2021
        assert await query.having(age__gt=2020).where(age=0).count() == 2
        with pytest.raises(AmbiguousLookup, match="'age' is a column of Hero and an aggregate"):
            query.order_by("-age")


async def test_wrong_conditions_of_an_aggregate_fail_before_any_statement(
    heroes: Database,
) -> None:
    class Wrong(BaseModel):
        id: int
        n: Annotated[int, Count("missions").where(yaer=2020)]

    class Deeper(BaseModel):
        missions: list[create_model("One", n=(Annotated[int, Count("hero.powers").where(x=1)], 0))]  # type: ignore[misc]

    class Grouped(BaseModel):
        team_id: int
        n: Annotated[int, Count().where(age="old")]

    async with heroes.reader() as session:
        service = HeroService(session)
        with count_statements(heroes) as statements:
            with pytest.raises(UnknownField, match="Mission has no field 'yaer'"):
                service.into(Wrong)
            with pytest.raises(UnknownField, match="Power has no field 'x'"):
                service.into(Deeper)
            with pytest.raises(InvalidOperand, match="age takes int"):
                service.into(Grouped)
            with pytest.raises(InvalidSchema):
                service.into(int)  # type: ignore[type-var]
        statements.expect(0)


async def test_composite_keys_have_children_and_are_groups(guild: Database) -> None:
    class SeatRead(BaseModel):
        number: int
        tickets: Annotated[int, Count("tickets")]
        price: Annotated[int, Sum("tickets.price")]

    class SeatOf(BaseModel):
        guest: str | None

    class BySeat(BaseModel):
        seat: SeatOf | None
        tickets: Annotated[int, Count()]
        dearest: Annotated[int, Max("price")]

    async with guild.session() as session:
        await SeatService(session).create_many(
            [{"hall": "A", "number": number, "guest": f"g{number}"} for number in (1, 2)]
        )
        await TicketService(session).create_many(
            [
                {"hall": "A", "number": 1, "price": 5},
                {"hall": "A", "number": 1, "price": 7},
                {"price": 9},
            ]
        )
    async with guild.reader() as session:
        seats = await SeatService(session).into(SeatRead).order_by("-price").all()
        assert [tuple(seat.model_dump().values()) for seat in seats] == [(1, 2, 12), (2, 0, 0)]
        found = await TicketService(session).into(BySeat).order_by("-tickets").all()
        assert [(item.seat and item.seat.guest, item.tickets, item.dearest) for item in found] == [
            ("g1", 2, 7),
            (None, 1, 9),
        ]


async def test_sums_are_exact_and_means_are_floats(guild: Database) -> None:
    class Money(BaseModel):
        total: Annotated[Decimal, Sum("fee")]
        mean: Annotated[float | None, Avg("fee")]
        ages: Annotated[int, Sum("age")]
        years: Annotated[float | None, Avg("age")]

    fees = [Decimal("0.10"), Decimal("0.20"), Decimal("90071992547.41")]
    fees = [*fees[:2], Decimal("12345678.91")]
    async with guild.session() as session:
        await HeroService(session).create_many(
            [
                {"name": "x", "fee": fee, "age": age}
                for fee, age in zip(fees, (1, 2, 2), strict=True)
            ]
        )
        found = await HeroService(session).into(Money).having(total__gt=1).one()
    assert (found.total, found.ages) == (sum(fees), 5)
    assert found.mean == pytest.approx(float(sum(fees)) / 3)
    assert found.years == pytest.approx(5 / 3, abs=1e-15)


async def test_groups_are_streamed_and_explained(heroes: Database) -> None:
    async with heroes.reader() as session:
        stats = HeroService(session).into(TeamStats).order_by("-heroes")
        assert [item async for item in stats.stream(batch=2)] == await stats.all()
        json = b"".join([part async for part in stats.json.stream(batch=2)])
        assert json == await stats.json.all()
        assert "index of" not in await stats.explain()
        rows = HeroService(session).into(HeroRead).order_by("-missions")
        assert "no index serves an order by a figure" in await rows.explain()
        assert [item async for item in rows.stream()] == await rows.all()
    assert stats.plan() == (
        "TeamStats from groups of Hero: 1 statement\n"
        "  team_id\n  heroes = Count()\n  oldest = Max('age')"
    )


async def test_a_select_of_ones_own_fills_figures_by_label(heroes: Database) -> None:
    async with heroes.reader() as session:
        stats = select(
            HERO.team_id, func.count().label("heroes"), func.max(HERO.age).label("oldest")
        )
        found = await session.read(stats.group_by(HERO.team_id), into=TeamStats)
        expected = await HeroService(session).into(TeamStats).all()
        assert sorted(map(str, found)) == sorted(map(str, expected))
        rows = await session.read(select(Hero).order_by(HERO.id), into=HeroRead)
        assert rows == await HeroService(session).into(HeroRead).order_by("id").all()
        mixed = select(Hero, literal(99).label("missions")).where(HERO.id == 1)
        (ann,) = await session.read(mixed, into=HeroRead)
        assert (ann.missions, ann.powers) == (99, 3)
        with pytest.raises(InvalidSchema, match="groups are not nested in a select"):
            await session.read(select(Hero, literal(1).label("team_id")), into=TeamStats)
        with pytest.raises(InvalidSchema, match="TeamStats is about groups of Hero"):
            await session.read(select(Hero), into=TeamStats)
        with pytest.raises(InvalidSchema, match="the select has nothing that fills it"):
            await session.read(select(HERO.team_id), into=TeamStats)


async def test_other_values_ask_the_same_statement(heroes: Database) -> None:
    async with heroes.reader() as session:
        stats = HeroService(session).into(TeamStats)
        with count_statements(heroes) as statements:
            for least in (1, 2):
                await stats.where(age__gte=least).having(heroes__gte=least).all()
        assert len({*statements.statements}) == 1


# --- a property: any figures of any groups are those that Python counts ---

Rows_: Any = list[Any]
#: The groups: annotation, and what Python takes a row's to be.
GROUPS: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "team_id": (int | None, lambda hero: hero.team_id),
    "active": (bool | None, lambda hero: hero.active),
    "kind": (Kind | None, lambda hero: hero.kind),
    "slug": (str | None, lambda hero: hero.slug),
    "born": (date | None, lambda hero: hero.born),
    "team_name": (
        Annotated[str | None, Group("team.name")],
        lambda hero: hero.team and hero.team.name,
    ),
}


def values(rows: Iterable[Any], name: str) -> list[Any]:
    return [value for row in rows if (value := getattr(row, name)) is not None]


#: The figures: annotation, and what Python makes of the rows of a group.
FIGURES: dict[str, tuple[Any, Callable[[Rows_], Any]]] = {
    "n": (Annotated[int, Count()], len),
    "aged": (Annotated[int, Count("age")], lambda rows: len(values(rows, "age"))),
    "ages": (
        Annotated[int, Count("age", distinct=True)],
        lambda rows: len(set(values(rows, "age"))),
    ),
    "slugs": (
        Annotated[int, Count("slug", distinct=True)],
        lambda rows: len(set(values(rows, "slug"))),
    ),
    "age": (
        Annotated[int | None, Sum("age")],
        lambda rows: sum(found) if (found := values(rows, "age")) else None,
    ),
    "fees": (Annotated[Decimal, Sum("fee")], lambda rows: sum(values(rows, "fee"), Decimal(0))),
    "height": (
        Annotated[float | None, Avg("height")],
        lambda rows: sum(found) / len(found) if (found := values(rows, "height")) else None,
    ),
    "eldest": (Annotated[date | None, Min("born")], lambda r: min(values(r, "born"), default=None)),
    "seen": (
        Annotated[datetime | None, Max("seen")],
        lambda rows: max(values(rows, "seen"), default=None),
    ),
    "paid": (
        Annotated[Decimal | None, Max("fee").where(active=True)],
        lambda r: max(values([h for h in r if h.active], "fee"), default=None),
    ),
    "teams": (Annotated[int, Count("team")], lambda rows: len(values(rows, "team_id"))),
    "missions": (Annotated[int, Count("missions")], lambda r: sum(len(h.missions) for h in r)),
    "done": (
        Annotated[int, Sum("missions.year").where(done=True)],
        lambda rows: sum(m.year for hero in rows for m in hero.missions if m.done),
    ),
    "powers": (Annotated[int, Count("powers")], lambda r: sum(len(h.powers) for h in r)),
    "pupils": (
        Annotated[int | None, Max("pupils.age")],
        lambda r: max((a for h in r for a in values(h.pupils, "age")), default=None),
    ),
}


def told(item: dict[str, Any]) -> str:
    """A group as text that sorts, whatever zeros a figure is written with."""
    return repr([plain(value) for value in item.values()])


def plain(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 9)
    return value.normalize() if isinstance(value, Decimal) else value


@given(
    groups=st.lists(st.sampled_from(sorted(GROUPS)), unique=True, max_size=2),
    figures=st.lists(st.sampled_from(sorted(FIGURES)), unique=True, min_size=1, max_size=4),
    least=st.integers(0, 5),
    size=st.integers(1, 5),
)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_figures_of_groups_are_those_that_python_counts(
    heroes: Database, groups: list[str], figures: list[str], least: int, size: int
) -> None:
    names = ["n", *(name for name in figures if name != "n")]
    fields = {name: GROUPS[name][0] for name in groups} | {name: FIGURES[name][0] for name in names}
    schema = create_model("Stats", **{name: (kind, ...) for name, kind in fields.items()})  # type: ignore[call-overload]
    async with heroes.reader() as session:
        service = HeroService(session)
        rows = await service.where(id__gt=least).load("team", "missions", "powers", "pupils").all()
        parted: dict[Any, Rows_] = {} if groups else {(): []}
        for hero in rows:
            parted.setdefault(tuple(GROUPS[name][1](hero) for name in groups), []).append(hero)
        expected = [
            dict(zip(groups, key, strict=True)) | {name: FIGURES[name][1](part) for name in names}
            for key, part in parted.items()
            if len(part) >= least
        ]
        query = service.where(id__gt=least).into(schema).having(n__gte=least)
        query = query.order_by(f"-{names[-1]}")
        found = await query.all()
        assert sorted(told(item.model_dump()) for item in found) == sorted(map(told, expected))
        keys = [getattr(item, names[-1]) for item in found]
        there = [key for key in keys if key is not None]
        assert keys == [None] * (len(keys) - len(there)) + sorted(there, reverse=True)
        pages = [await query.page(n + 1, size=size) for n in range(len(found) // size + 1)]
        assert [item for page in pages for item in page.items] == found
        assert {page.total for page in pages} == {len(found)}


async def test_figures_of_to_one_paths_join_once_and_inflate_nothing(heroes: Database) -> None:
    class ByPlace(BaseModel):
        place_id: int | None
        missions: Annotated[int, Count()]
        teams: Annotated[int, Count("hero.team_id", distinct=True)]
        ages: Annotated[int, Sum("hero.age")]
        mentors: Annotated[int, Count("hero.mentor")]

    async with heroes.reader() as session:
        query = MissionService(session).where(hero__powers__name="fly").into(ByPlace)
        found = await query.order_by("place_id").all()
        cities = await CityService(session).into(CityCount).order_by("id").all()
    assert [tuple(item.model_dump().values()) for item in found] == [
        (1, 2, 2, 0, 1),
        (2, 1, 1, 0, 0),
        (None, 1, 1, 0, 0),
    ]
    assert [city.missions for city in cities] == [2, 1]


class CityCount(BaseModel):
    id: int
    missions: Annotated[int, Count("missions")]


async def test_a_link_table_is_counted_without_its_rows_being_repeated(heroes: Database) -> None:
    class Everything(BaseModel):
        powers: Annotated[int, Sum("powers.id")]
        names: Annotated[str | None, Max("powers.name")]
        missions: Annotated[int, Sum("missions.year")]
        id: int

    async with heroes.reader() as session:
        found = await HeroService(session).into(Everything).get(1)
    assert found == Everything(powers=6, names="swim", missions=6060, id=1)
