"""The service: rows by key, writes, and what is left after an error."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any, Generic, TypeVar

import pytest
from pydantic import BaseModel
from tests.guild import (
    Hero,
    HeroCreate,
    HeroService,
    HeroUpdate,
    Seat,
    SeatService,
    Sheet,
    SheetService,
    SheetUpdate,
    TeamService,
)

from colonnade import Database, ServiceBase
from colonnade.errors import (
    ColonnadeError,
    ForeignKeyViolation,
    InvalidChanges,
    InvalidMapping,
    InvalidOperand,
    InvalidStatement,
    NotFound,
    StaleVersion,
    UniqueViolation,
    UnknownField,
    UsageError,
)
from colonnade.testing import count_statements

M = TypeVar("M", bound=BaseModel)
C = TypeVar("C", bound=BaseModel)
U = TypeVar("U", bound=BaseModel)


class Counting(ServiceBase[M, C, U], Generic[M, C, U]):
    """What a project gives all of its services."""

    async def is_empty(self) -> bool:
        return not await self.where().exists()


class Readable(Counting[M, C, C]):
    """One schema for both kinds of write."""


class Heroes(Counting[Hero, HeroCreate, HeroUpdate]):
    pass


class Seats(Readable[Seat, Seat]):
    pass


class ManyHeroes(HeroService):
    async def named(self, part: str) -> list[Hero]:
        return await self.where(name__icontains=part).order_by("-id").all()


def test_a_service_knows_what_it_serves() -> None:
    for service in (HeroService, Heroes, ManyHeroes):
        assert service.model is Hero
        assert service.create_schema is HeroCreate
        assert service.update_schema is HeroUpdate
    assert (Seats.model, Seats.create_schema, Seats.update_schema) == (Seat, Seat, Seat)
    assert not hasattr(Counting, "model")


async def test_a_service_without_a_model_says_what_is_missing(heroes: Database) -> None:
    async with heroes.reader() as session:
        for service in (ServiceBase, Counting, Readable):
            with pytest.raises(
                InvalidMapping, match="does not say which model it serves"
            ) as caught:
                service(session)
            assert f"class {service.__name__}(ServiceBase[" in (caught.value.hint or "")


def test_a_service_of_what_is_no_table_says_so_when_it_is_declared() -> None:
    with pytest.raises(InvalidMapping, match="HeroCreate is not a mapped class"):

        class Wrong(ServiceBase[HeroCreate, HeroCreate, HeroCreate]):
            pass


async def test_methods_of_its_own_read_naturally(heroes: Database) -> None:
    async with heroes.reader() as session:
        assert (await HeroService(session).by_name("it's")).id == 9
        assert [hero.id for hero in await ManyHeroes(session).named("ann")] == [3, 2, 1]
        assert (await ManyHeroes(session).by_name("😀")).id == 11
        assert not await Heroes(session).is_empty()
        assert await Seats(session).is_empty()


async def test_get_answers_with_the_row_or_says_it_is_not_there(heroes: Database) -> None:
    async with heroes.session() as session:
        service = HeroService(session)
        with count_statements(heroes) as statements:
            hero = await service.get(3)
            assert await service.get("3") is hero
        statements.expect(1)
        assert await service.get_or_none(99) is None
        assert await service.get_or_none(99, load=["team"]) is None
        for load in ((), ("team",)):
            with pytest.raises(NotFound) as caught:
                await service.get(99, load=load)
            assert (caught.value.model, caught.value.fields) == ("Hero", ("id",))
            assert caught.value.keys == (99,)
        for key in ("x", None, (1, 2), True):
            with pytest.raises(InvalidOperand):
                await service.get(key)
        assert (await service.into(HeroUpdate).get(3)).name == "ANN "


async def test_get_many_keeps_the_order_and_lists_what_is_missing(heroes: Database) -> None:
    async with heroes.reader() as session:
        service = HeroService(session)
        with count_statements(heroes) as statements:
            found = await service.get_many(number for number in (5, 1, "5", 3))
            assert await service.get_many([]) == []
        statements.expect(1)
        assert [hero.id for hero in found] == [5, 1, 5, 3]
        with pytest.raises(NotFound, match="these keys") as caught:
            await service.get_many([1, 98, 2, 99, 98])
        assert caught.value.keys == (98, 99)
        with count_statements(heroes) as statements:
            loaded = await service.get_many([2, 1], load=["team", "missions"])
        statements.expect(2)
        assert [len(hero.missions) for hero in loaded] == [1, 3]
        for keys in ("12", b"12", [None], ["x"], 12, None):
            with pytest.raises(InvalidOperand):
                await service.get_many(keys)  # type: ignore[arg-type]


async def test_create_answers_with_every_column_filled(guild: Database) -> None:
    async with guild.session() as session:
        sheets = SheetService(session)
        with count_statements(guild) as statements:
            sheet = await sheets.create({"title": "a", "pages": 3})
        statements.expect(1)
        assert (sheet.version, sheet.state, sheet.doubled, sheet.rating) == (1, "new", 6, 5)
        assert sheet.id is not None
        assert sheet.created_at == sheet.updated_at
        none = await sheets.create({"title": "b", "rating": None})
        assert none.rating is None
    async with guild.reader() as session:
        assert (await SheetService(session).get(none.id)).rating is None
        assert (await SheetService(session).get(sheet.id)).doubled == 6


async def test_create_many_keeps_the_order_in_as_many_statements_for_any_number(
    guild: Database,
) -> None:
    async with guild.session() as session:
        sheets = SheetService(session)
        counts = []
        for rows in (2, 50):
            with count_statements(guild) as statements:
                made = await sheets.create_many({"title": str(i), "pages": i} for i in range(rows))
            counts.append(statements.count)
            assert [sheet.title for sheet in made] == [str(i) for i in range(rows)]
            assert [sheet.doubled for sheet in made] == [2 * i for i in range(rows)]
            assert {sheet.state for sheet in made} == {"new"}
        # SQLite counts the other rows up from the key that the first one got.
        assert counts == ([2, 2] if guild.engine.dialect.name == "sqlite" else [1, 1])
        assert await sheets.create_many([]) == []


async def test_create_many_is_all_or_nothing(guild: Database) -> None:
    async with guild.session() as session:
        teams = TeamService(session)
        with count_statements(guild) as statements, pytest.raises(InvalidChanges):
            await teams.create_many([{"name": "a"}, {"name": None}])
        statements.expect(0)
        with pytest.raises(UniqueViolation):
            async with session.savepoint():
                await teams.create_many([{"name": "a"}, {"name": "b"}, {"name": "a"}])
        assert await teams.where().count() == 0
        await teams.create_many([{"name": "b"}, {"name": "a"}])
    async with guild.reader() as session:
        assert [team.name for team in await TeamService(session).where().all()] == ["b", "a"]


async def test_update_changes_what_the_payload_sets_and_no_more(guild: Database) -> None:
    async with guild.session() as session:
        service = HeroService(session)
        hero = await service.create({"name": "x", "age": 3, "born": date(2000, 1, 1)})
        with count_statements(guild) as statements:
            changed = await service.update(hero.id, HeroUpdate(age=None))
        statements.expect(1 if guild.engine.dialect.update_returning else 2)
        assert changed is hero
        assert (hero.age, hero.name, hero.born) == (None, "x", date(2000, 1, 1))
        assert (await service.update(hero.id, {"name": "x"})).name == "x"  # nothing new is no loss
        with count_statements(guild) as statements:
            assert await service.update(hero.id, {}) is hero
        statements.expect(0)
        with pytest.raises(NotFound) as caught:
            await service.update(999, {"age": 1})
        assert caught.value.keys == (999,)
        with pytest.raises(NotFound):
            await service.update(999, {})
    async with guild.reader() as session:
        assert (await HeroService(session).get(hero.id)).age is None


async def test_update_keeps_edits_that_the_session_had_not_flushed(guild: Database) -> None:
    async with guild.session() as session:
        service = HeroService(session)
        hero = await service.create({"name": "x", "age": 3})
        hero.name = "edited"
        assert (await service.update(hero.id, {"age": 4})).name == "edited"
    async with guild.reader() as session:
        assert (await HeroService(session).get(hero.id)).name == "edited"


async def test_a_relation_that_an_update_moved_is_not_told_from_memory(guild: Database) -> None:
    async with guild.session() as session:
        one, two = await TeamService(session).create_many([{"name": "one"}, {"name": "two"}])
        service = HeroService(session)
        hero = await service.create({"name": "x", "team_id": one.id})
        hero = await service.get(hero.id, load=["team"])
        assert hero.team is one
        await service.update(hero.id, {"team_id": two.id})
        assert hero.team is two
        assert (await service.get(hero.id, load=["team"])).team is two


async def test_update_counts_the_version_and_keeps_the_time(guild: Database) -> None:
    async with guild.session() as session:
        sheets = SheetService(session)
        sheet = await sheets.create({"title": "a"})
        created = sheet.updated_at
        await asyncio.sleep(0.002)
        await sheets.update(sheet.id, SheetUpdate(pages=4))
        assert (sheet.version, sheet.pages, sheet.doubled) == (2, 4, 8)
        assert sheet.updated_at > created == sheet.created_at
        await sheets.update(sheet.id, {"pages": 5}, version=2)
        assert sheet.version == 3
        with count_statements(guild) as statements:
            assert (await sheets.update(sheet.id, {}, version=3)).version == 3
        statements.expect(1)


async def test_a_stale_version_is_told_from_a_row_that_is_gone(guild: Database) -> None:
    async with guild.session() as session:
        kept, gone = await SheetService(session).create_many([{"title": "a"}, {"title": "b"}])
    async with guild.session() as session:
        sheets = SheetService(session)
        held = await sheets.get(gone.id)  # the session goes on holding what was deleted
        await session.connection()
        await session.execute(Sheet.__table__.delete().where(Sheet.__table__.c.id == gone.id))  # type: ignore[attr-defined] # SQLModel sets it
        assert held.title == "b"
        for payload in ({"pages": 2}, {}):
            with pytest.raises(StaleVersion, match="was changed since version 7"):
                await sheets.update(kept.id, payload, version=7)
            with pytest.raises(NotFound):
                await sheets.update(gone.id, payload, version=1)
            with pytest.raises(NotFound):
                await sheets.update(999, payload, version=1)
        with pytest.raises(UsageError, match="Hero has no version"):
            await HeroService(session).update(1, {"age": 1}, version=1)
    async with guild.reader() as session:
        assert (await SheetService(session).get(kept.id)).version == 1


async def test_composite_keys_serve_every_verb(guild: Database) -> None:
    async with guild.session() as session:
        seats = SeatService(session)
        seat = await seats.create({"hall": "a", "number": 2})
        assert await seats.get(("a", 2)) is seat
        assert await seats.get(("a", "2"), load=["tickets"]) is seat
        assert (await seats.update(("a", 2), {"guest": "g"})).guest == "g"
        with pytest.raises(InvalidChanges):
            await seats.update(("a", 2), {"hall": "b"})
        with pytest.raises(InvalidOperand):
            await seats.get("a")
        assert await seats.get_or_none(("b", 2)) is None
        await seats.delete(("a", 2))
        with pytest.raises(NotFound) as caught:
            await seats.delete(("a", 2))
        assert caught.value.keys == (("a", 2),)
        with pytest.raises(NotFound):
            await seats.update(("a", 2), {"guest": "g"})


async def test_after_each_error_session_and_database_serve_on(guild: Database) -> None:
    async with guild.session() as session:
        service, teams = HeroService(session), TeamService(session)
        team = await teams.create({"name": "taken"})
        hero = await service.create({"name": "before", "team_id": team.id})
        wrongs: list[tuple[type[ColonnadeError], Any]] = [
            (UnknownField, lambda: service.where(nmae=1).all()),
            (InvalidOperand, lambda: service.where(age="x").all()),
            (InvalidChanges, lambda: service.create({})),
            (NotFound, lambda: service.get(999)),
            (NotFound, lambda: service.delete(999)),
            (UniqueViolation, lambda: teams.create({"name": "taken"})),
            (ForeignKeyViolation, lambda: service.create({"name": "x", "team_id": 999})),
            (ForeignKeyViolation, lambda: service.update(hero.id, {"team_id": 999})),
        ]
        for kind, wrong in wrongs:
            with pytest.raises(kind) as caught:
                async with session.savepoint():
                    await wrong()
            assert type(caught.value) is kind
            assert await service.where().count() == 1
        await service.create({"name": "after"})
    async with guild.reader() as session:
        found = await HeroService(session).where().order_by("id").all()
        assert [item.name for item in found] == ["before", "after"]


async def test_a_missing_table_is_its_own_error(database: Database) -> None:
    async with database.reader() as session:
        with pytest.raises(InvalidStatement) as caught:
            await HeroService(session).where().all()
        assert "create the schema" in (caught.value.hint or "")
    assert (await database.check()).ok
