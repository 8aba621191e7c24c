"""UPDATE of every row that answers: what it meets, what it refuses, what the session knows."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy import MetaData, true
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel
from tests.guild import (
    HERO_COUNT,
    Hero,
    HeroService,
    HeroUpdate,
    Seat,
    SeatService,
    Sheet,
    SheetService,
    TeamService,
    fill,
)

from colonnade import Database, ServiceBase, all_of, any_of, every, not_, some
from colonnade.errors import (
    ForeignKeyViolation,
    InvalidChanges,
    InvalidOperand,
    ReadOnlySession,
    RelationshipNotLoaded,
    Unfiltered,
    UniqueViolation,
    UsageError,
)
from colonnade.testing import count_statements

HERO: Any = Hero


@pytest.fixture
async def filled(guild: Database) -> Database:
    await fill(guild)
    return guild


async def active(database: Database) -> list[int | None]:
    async with database.reader() as session:
        return [hero.id for hero in await HeroService(session).where(active=True).all()]


async def test_every_row_that_answers_is_changed_in_one_statement(filled: Database) -> None:
    async with filled.session() as session:
        heroes = HeroService(session).where(age__gte=4)
        expected = await heroes.count()
        with count_statements(filled) as statements:
            assert await heroes.update_all({"active": True, "slug": None}) == expected == 3
        statements.expect(1)
        assert await heroes.where(active=True, slug=None).count() == 3
        assert await HeroService(session).where(slug=None, age__lt=4).count() == 1


ANSWERS: list[tuple[list[Any], list[int]]] = [
    ([{"team__name": "Avengers"}], [1, 4, 7, 10]),
    ([{"team__city__country": "NO", "id__gt": 4}], [7, 10]),
    ([{"mentor__mentor__name": "Ann"}], [6]),
    ([some("missions", year__gte=2020, done=True)], [1, 7]),
    ([some("pupils", name="ann"), {"team__name__ne": "x"}], [1]),
    ([{"pupils__name": "a_b"}], [2]),
    ([every("powers", name="fly"), {"id__lte": 3}], [2, 3]),
    ([any_of(HERO.id == 2, team__name__isnull=True), not_(id__gt=5)], [2, 3]),
    ([HERO.mentor.has(HERO.id > 0), HERO.id < 3], [2]),
    ([{"id__in": []}], []),
]


async def test_the_rows_are_those_that_the_query_finds(filled: Database) -> None:
    async with filled.session() as session:
        heroes = HeroService(session)
        for conditions, expected in ANSWERS:
            assert [hero.id for hero in await heroes.where(*conditions).all()] == expected
            await heroes.where().update_all({"active": False}, everything=True)
            with count_statements(filled) as statements:
                changed = await heroes.where(*conditions).update_all({"active": True})
            assert changed == len(expected)
            statements.expect(1)
            assert [hero.id for hero in await heroes.where(active=True).all()] == expected


async def test_a_composite_key_is_met_through_a_relation(guild: Database) -> None:
    async with guild.session() as session:
        seats = SeatService(session)
        await seats.create_many([{"hall": h, "number": n} for h in "ab" for n in (1, 2)])
        assert await seats.where(tickets__price=1).update_all({"guest": "g"}) == 0
        assert await seats.where(hall="a").update_all({"guest": "g"}) == 2
        assert await seats.where(some("tickets", seat__hall="a")).update_all({"guest": "h"}) == 0
        assert {seat.guest for seat in await seats.where(hall="a").all()} == {"g"}


UNFILTERED: list[Any] = [
    [],
    [{}],
    [all_of()],
    [all_of(all_of(), {})],
    [{"age__not_in": []}],
    [any_of(all_of(), id=1)],
    [not_(any_of())],
    [not_(id__in=[])],
    [every("missions", all_of())],
    [true()],
]


@pytest.mark.parametrize("conditions", UNFILTERED)
async def test_without_a_filter_nothing_is_written(heroes: Database, conditions: Any) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where(*conditions)
        with count_statements(heroes) as statements:
            with pytest.raises(Unfiltered, match="everything=True"):
                await query.update_all({"active": False})
            with pytest.raises(Unfiltered, match="everything=True"):
                await query.delete_all()
        statements.expect(0)


FILTERED: list[Any] = [
    [{"id__in": []}],
    [any_of()],
    [not_(all_of())],
    [some("missions")],
    [not_(every("missions", done=True))],
    [{"missions__year__not_in": []}],
    [all_of(), {"id": 0}],
    [not_(true())],
]


async def test_what_some_row_may_miss_is_a_filter(guild: Database) -> None:
    async with guild.session() as session:
        heroes = HeroService(session)
        for conditions in FILTERED:
            assert await heroes.where(*conditions).update_all({"active": False}) == 0


async def test_everything_has_to_be_asked_for(filled: Database) -> None:
    async with filled.session() as session:
        heroes = HeroService(session).where()
        assert await heroes.update_all({"active": True}, everything=True) == HERO_COUNT
    assert len(await active(filled)) == HERO_COUNT


async def test_a_limit_an_order_and_loads_have_no_meaning_and_are_refused(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where(id=1)
        for asked in (query.limit(1), query.offset(1), query.order_by("age"), query.load("team")):
            with pytest.raises(UsageError, match="has no meaning"):
                await asked.update_all({"active": False})
            with pytest.raises(UsageError, match="has no meaning"):
                await asked.delete_all()


class Renaming(BaseModel):
    name: str | None = None
    nmae: str | None = None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "nothing to change"),
        (HeroUpdate(), "nothing to change"),
        ({"actve": True}, "did you mean 'active'"),
        (Renaming(nmae="x"), "did you mean 'name'"),
        ({"id": 3}, "protected"),
        ({"id": HERO.id + 1}, "protected"),
        ({"team": None}, "no such column"),
        ({"name": None}, "None is not allowed"),
        ({"age": "x"}, "age takes int"),
        (Hero(name="x"), "a Hero is a row"),
        ("age", "mapping"),
    ],
)
async def test_changes_are_checked_before_any_statement(
    heroes: Database, changes: Any, message: str
) -> None:
    async with heroes.reader() as session:
        with count_statements(heroes) as statements, pytest.raises(InvalidChanges, match=message):
            await HeroService(session).where(id=1).update_all(changes)
        statements.expect(0)


async def test_a_version_and_a_computed_column_are_protected(guild: Database) -> None:
    async with guild.session() as session:
        sheets = SheetService(session).where(id=1)
        for name in ("version", "doubled"):
            with pytest.raises(InvalidChanges, match="protected"):
                await sheets.update_all({name: 1})


async def test_what_a_payload_sets_is_changed_and_nothing_else(filled: Database) -> None:
    async with filled.session() as session:
        heroes = HeroService(session)
        assert await heroes.where(id__in=[1, 2]).update_all(HeroUpdate(age=40)) == 2
        changed = await heroes.where(age=40).all()
        assert [hero.name for hero in changed] == ["Ann", "ann"]


async def test_a_value_may_be_an_expression_on_the_rows_own_columns(filled: Database) -> None:
    async with filled.session() as session:
        heroes = HeroService(session)
        before = await heroes.get(5)
        assert before.age == 2
        assert await heroes.where(age__isnull=False).update_all({"age": HERO.age + 10}) == 9
        assert before.age == 12
        with pytest.raises(InvalidOperand, match="does not join"):
            await heroes.where(id=1).update_all({"age": Sheet.pages})


async def test_a_version_counts_and_a_time_moves_as_with_any_write(guild: Database) -> None:
    async with guild.session() as session:
        sheets = SheetService(session)
        held, other = await sheets.create_many([{"title": "a"}, {"title": "b"}])
        then = held.updated_at
        with count_statements(guild) as statements:
            assert await sheets.where(title="a").update_all({"pages": 7}) == 1
        statements.expect(2)
        assert (held.version, held.pages, held.doubled, held.title) == (2, 7, 14, "a")
        assert held.updated_at > then
        assert (other.version, other.pages) == (1, 1)
        held.pages = 8
        await session.flush()  # the version that the session knows is the row's
        assert held.version == 3


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Counted(Base, table=True):
    """A version that only a flush counts up by itself, and a column named like a bound value."""

    id: int | None = Field(default=None, primary_key=True)
    v0: int = 0
    revision: int = 1


Counted.__mapper__.version_id_col = Counted.__table__.c.revision  # type: ignore[attr-defined] # SQLModel sets both


class CountedService(ServiceBase[Counted, Counted, Counted]):
    pass


async def test_a_version_that_only_a_flush_counts_is_counted_too(database: Database) -> None:
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with database.session() as session:
        held = Counted(v0=3)
        session.add(held)
        await session.flush()
        before = held.revision
        assert await CountedService(session).where(v0=3).update_all({"v0": 4}) == 1
        assert (held.v0, held.revision) == (4, before + 1)
        held.v0 = 5
        await session.flush()


async def test_what_waits_in_the_session_is_written_first(filled: Database) -> None:
    async with filled.session() as session:
        heroes = HeroService(session)
        hero = await heroes.get(1)
        hero.slug = "waiting"
        assert await heroes.where(slug="waiting").update_all({"age": 99}) == 1
        assert (hero.slug, hero.age) == ("waiting", 99)


async def test_a_relation_that_may_have_changed_is_forgotten_on_both_sides(
    filled: Database,
) -> None:
    async with filled.session() as session:
        heroes = HeroService(session)
        hero = await heroes.get(1, load=["team", "powers"])
        (team,) = await TeamService(session).where(id=1).load("heroes").all()
        assert hero in team.heroes
        await heroes.where(id=1).update_all({"team_id": 2})
        assert hero.team_id == 2
        assert len(hero.powers) == 3
        for item, name in ((hero, "team"), (team, "heroes")):
            with pytest.raises(RelationshipNotLoaded):
                getattr(item, name)
        await heroes.where(id=1).update_all({"age": 3})
        (again,) = await heroes.where(id=1).load("team").all()
        assert again.team is not None
        await heroes.where(id=1).update_all({"age": 4})
        assert again.team.id == 2


async def test_what_the_database_refuses_is_translated_and_leaves_the_rows(
    filled: Database,
) -> None:
    async with filled.session() as session:
        with pytest.raises(ForeignKeyViolation):
            async with session.savepoint():
                await HeroService(session).where(id=1).update_all({"team_id": 999})
        with pytest.raises(UniqueViolation):
            async with session.savepoint():
                await TeamService(session).where().update_all({"name": "x"}, everything=True)
        assert (await HeroService(session).get(1)).team_id == 1


async def test_a_reader_updates_and_deletes_nothing(heroes: Database) -> None:
    async with heroes.reader() as session:
        with pytest.raises(ReadOnlySession):
            await HeroService(session).where(id=1).update_all({"active": False})
        with pytest.raises(ReadOnlySession):
            await HeroService(session).where(id=1).delete_all()


async def test_seats_are_counted_whether_or_not_they_change(guild: Database) -> None:
    """MySQL would tell how many rows are other than before."""
    async with guild.session() as session:
        session.add_all([Seat(hall="a", number=1, guest="g"), Seat(hall="a", number=2)])
        assert await SeatService(session).where(hall="a").update_all({"guest": "g"}) == 2
