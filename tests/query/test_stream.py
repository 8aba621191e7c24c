"""Streams: every row once, no more than a batch at a time, and nothing left behind."""

import asyncio
import gc
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field
from sqlalchemy import Boolean, MetaData, literal_column
from sqlalchemy.orm import registry
from sqlmodel import Field as Stored
from sqlmodel import Relationship, SQLModel
from tests.guild import Hero, HeroService, Mission, MissionService, Team, TeamService, fill

from colonnade import Count, Database, ServiceBase, Session
from colonnade.errors import InvalidOperand, SessionClosed, SessionShared, StreamClosed
from colonnade.testing import count_statements

EVERYONE = list(range(1, 13))
WAYS = ("unit", "reader", "snapshot")


class PowerRead(BaseModel):
    name: str


class HeroRead(BaseModel):
    id: int
    name: str = Field(serialization_alias="heroName")
    powers: list[PowerRead]


@pytest.fixture
async def filled(guild: Database) -> Database:
    await fill(guild)
    return guild


@asynccontextmanager
async def opened(database: Database, way: str) -> AsyncIterator[Session]:
    if way == "unit":
        async with database.session() as session:
            yield session
    else:
        async with database.reader(snapshot=way == "snapshot") as session:
            yield session


async def numbers(stream: Any) -> list[int]:
    return [item.id async for item in stream]


async def failing(stream: Any) -> None:
    async for item in stream:
        if item.id == 4:
            raise LookupError


async def undone(session: Session, number: Any) -> None:
    async with session.savepoint():
        await HeroService(session).update(number, {"age": 51})
        raise LookupError


@pytest.mark.parametrize("way", WAYS)
async def test_every_row_comes_once_and_in_order(heroes: Database, way: str) -> None:
    async with opened(heroes, way) as session:
        query = HeroService(session).where()
        for asked in (
            query,
            query.order_by("-age", "name"),
            query.order_by("team.name nulls first", "-height"),
            query.order_by("slug").where(id__gt=3, team__name__isnull=False),
            query.order_by("-slug").limit(7),
            query.order_by("-age nulls last").offset(2),
            query.order_by("-id").limit(5).offset(3),
            query.limit(0),
            query.where(id=0),
        ):
            expected = [hero.id for hero in await asked.all()]
            for batch in (1, 2, 5, 12, 1000):
                assert await numbers(asked.stream(batch)) == expected
                assert await numbers(asked.into(HeroRead).stream(batch)) == expected


@pytest.mark.parametrize("way", WAYS)
async def test_collections_are_read_for_each_batch(heroes: Database, way: str) -> None:
    async with opened(heroes, way) as session:
        query = HeroService(session).where().order_by("-name")
        whole = await query.load("powers", "team", "missions.place").all()
        expected = [
            (hero.name, [power.name for power in hero.powers], len(hero.missions)) for hero in whole
        ]
        del whole
        loaded = query.load("powers", "team", "missions.place").stream(5)
        found = []
        with count_statements(heroes) as statements:
            async for hero in loaded:
                assert hero.team is None or hero.team.name
                found.append((hero.name, [p.name for p in hero.powers], len(hero.missions)))
        assert found == expected
        cursor = session.streams
        # Three batches with two collections each, of which one has places joined.
        assert statements.count == (1 if cursor else 3) + 3 * 2
        projection = query.into(HeroRead)
        with count_statements(heroes) as statements:
            assert [item async for item in projection.stream(5)] == await projection.all()
        assert statements.count == (1 if cursor else 3) + 3 + 2


class TeamStats(BaseModel):
    team_id: int | None
    heroes: Annotated[int, Count()]


@pytest.mark.parametrize("way", WAYS)
async def test_groups_are_streamed_like_rows(heroes: Database, way: str) -> None:
    async with opened(heroes, way) as session:
        for order in ("-heroes", "heroes", "team_id", "-team_id", "team_id nulls first"):
            query = HeroService(session).where(id__lt=12).into(TeamStats).order_by(order)
            expected = await query.all()
            for batch in (1, 2, 3):
                assert [item async for item in query.stream(batch)] == expected
        assert "hero" in await query.explain()


@pytest.mark.parametrize("way", WAYS)
async def test_json_is_one_array_in_parts(heroes: Database, way: str) -> None:
    async with opened(heroes, way) as session:
        for query in (HeroService(session).where(), HeroService(session).where(id=0)):
            projection = query.into(HeroRead)
            for batch in (5, 12, 100):
                parts = [part async for part in projection.json.stream(batch)]
                assert b"".join(parts) == await projection.json.all()
        assert json.loads(b"".join([part async for part in projection.json.stream()])) == []
        parts = [part async for part in HeroService(session).into(HeroRead).json.stream(5)]
        assert len(parts) == 4


@pytest.mark.parametrize("way", WAYS)
async def test_a_loop_may_be_left_and_the_session_is_as_before(heroes: Database, way: str) -> None:
    async with opened(heroes, way) as session:
        service = HeroService(session)
        for _ in range(3):
            async for hero in service.where().stream(2):
                if hero.id == 3:
                    break
            assert (await service.where(id=5).one()).id == 5
            with pytest.raises(LookupError):
                await failing(service.into(HeroRead).stream(2))
            assert await service.where().count() == 12
        async with service.where().stream(2) as rows:
            async for hero in rows:
                if hero.id == 3:
                    break
            assert [hero.id async for hero in rows] == EVERYONE[3:]
        assert await service.where().count() == 12
    assert heroes.pool().in_use == 0
    async with opened(heroes, way) as session:
        assert await HeroService(session).where().count() == 12


@pytest.mark.parametrize("way", ["unit", "reader"])
async def test_what_others_commit_is_seen_once_a_stream_was_left(
    filled: Database, way: str
) -> None:
    """A cursor that is half read would hold on to what it began to see."""
    opening = filled.session(isolation="read committed") if way == "unit" else filled.reader()
    async with opening as session:
        if way == "unit" and session.family == "sqlite":
            return  # it is the only writer
        service = HeroService(session)
        async for hero in service.where().stream(2):
            if hero.id == 3:
                break
        async with filled.session() as other:
            await HeroService(other).where(id=5).update_all({"age": 999})
        assert await service.where(age=999).count() == 1


async def test_the_session_may_be_used_while_a_stream_is_read(filled: Database) -> None:
    async with filled.session() as session:
        service = HeroService(session)
        seen = []
        async for hero in service.where(age__isnull=False).stream(2):
            hero.slug = f"s{hero.id}"
            seen.append((hero.id, await service.where(id__lt=hero.id or 0).count()))
            async for inner in service.where(id__lte=2).stream(1):
                assert inner.id in (1, 2)
            async with session.savepoint():
                await service.update(hero.id, {"age": 50})
            with pytest.raises(LookupError):
                await undone(session, hero.id)
        assert [number for number, _ in seen] == [1, 2, 3, 5, 6, 7, 9, 10, 11]
        assert all(before == (number or 0) - 1 for number, before in seen)
    async with filled.reader() as session:
        assert await HeroService(session).where(age=50, slug__startswith="s").count() == 9


@pytest.mark.parametrize("way", WAYS)
async def test_a_stream_ends_with_its_session(heroes: Database, way: str) -> None:
    async with opened(heroes, way) as session:
        stream = HeroService(session).where().stream(2)
        assert (await anext(stream)).id == 1
        assert (await anext(stream)).id == 2
    with pytest.raises(SessionClosed):
        await anext(stream)
    with pytest.raises(StreamClosed):
        async for _ in stream:
            pass
    await stream.aclose()
    async with opened(heroes, way) as session:
        assert await HeroService(session).where().count() == 12
    assert heroes.pool().in_use == 0


async def test_a_stream_ends_with_its_transaction(filled: Database) -> None:
    for ending in ("commit", "rollback"):
        async with filled.session() as session:
            service = HeroService(session)
            stream = service.where().stream(2)
            assert (await anext(stream)).id == 1
            await getattr(session, ending)()
            with pytest.raises(StreamClosed, match="transaction"):
                await anext(stream)
            assert await service.where(id__lte=3).update_all({"age": 1}) == 3


async def test_a_stream_is_read_once(heroes: Database) -> None:
    async with heroes.reader() as session:
        stream = HeroService(session).where().stream()
        assert await numbers(stream) == EVERYONE
        with pytest.raises(StreamClosed, match="once"):
            await numbers(stream)
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
        await stream.aclose()


@pytest.mark.parametrize("batch", [0, -1, True, 2.5, "3", None])
async def test_a_batch_that_is_no_number_of_rows_is_refused(heroes: Database, batch: Any) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where()
        for asked in (query, query.into(HeroRead), query.into(HeroRead).json):
            with pytest.raises(InvalidOperand, match="batch"):
                asked.stream(batch)


async def test_a_stream_belongs_to_one_task(heroes: Database) -> None:
    async with heroes.session() as session:
        stream = HeroService(session).where().stream(1)
        assert (await anext(stream)).id == 1
        answers = await asyncio.gather(anext(stream), anext(stream), return_exceptions=True)
        kinds = [type(answer) for answer in answers]
        # PostgreSQL's driver has more rows at hand than it was asked for, and nobody waits.
        assert kinds in ([Hero, SessionShared], [Hero, Hero])
        assert await numbers(stream) == EVERYONE[1 + kinds.count(Hero) :]


SLOW = {
    "postgresql": "(SELECT 1 FROM pg_sleep(hero.id * 0.1)) = 1",
    "mysql": "(sleep(hero.id * 0.1) = 0)",
}


@pytest.mark.parametrize("way", WAYS)
async def test_a_stream_that_is_cancelled_leaves_a_connection_that_works(
    heroes: Database, way: str
) -> None:
    async def read() -> None:
        async with opened(heroes, way) as session:
            query = HeroService(session).where()
            if session.family in SLOW:
                query = query.where(literal_column(SLOW[session.family], Boolean))
            async for _ in query.stream(1):
                await asyncio.sleep(0.05)

    task = asyncio.create_task(read())
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert heroes.pool().in_use == 0
    async with opened(heroes, way) as session:
        assert await HeroService(session).where().count() == 12


async def test_a_stream_whose_connection_was_lost_can_be_left(heroes: Database) -> None:
    async with heroes.session() as session:
        stream = HeroService(session).where().stream(1)
        assert (await anext(aiter(stream))).id == 1
        connection = await session.connection()
        await connection.invalidate()
        with count_statements(heroes) as statements:
            del stream
            gc.collect()  # what is raised here is a failure of the test
        statements.expect(0)
        await session.rollback()
        assert await HeroService(session).where().count() == 12


async def test_the_rows_of_a_cursor_are_those_of_one_moment(filled: Database) -> None:
    async with filled.reader(snapshot=True) as session:
        found = []
        async for mission in MissionService(session).where().order_by("-year").stream(1):
            if not found:
                async with filled.session() as other:
                    await MissionService(other).where(id__gt=0).update_all({"year": 1999})
                    await MissionService(other).where(title="patrol").delete_all()
            found.append(mission.year)
        assert found == [2022, 2021, 2020, 2020, 2019]


@pytest.mark.parametrize("way", WAYS)
async def test_what_was_read_is_let_go(heroes: Database, way: str) -> None:
    async with opened(heroes, way) as session:
        most = 0
        async for hero in HeroService(session).where().load("team").stream(2):
            gc.collect(0)
            held = [item for item in session.identity_map.values() if isinstance(item, Hero)]
            most = max(most, len(held))
            del held, hero
        gc.collect()
        assert most <= 4
        assert not [item for item in session.identity_map.values() if not isinstance(item, Team)]


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Box(Base, table=True):
    """Joins its things by itself, so that a row is not an object."""

    id: int | None = Stored(default=None, primary_key=True)
    things: list["Thing"] = Relationship(sa_relationship_kwargs={"lazy": "joined"})


class Thing(Base, table=True):
    id: int | None = Stored(default=None, primary_key=True)
    box_id: int | None = Stored(default=None, foreign_key="box.id")


class BoxService(ServiceBase[Box, Box, Box]):
    pass


async def test_objects_that_come_in_several_rows_are_whole(database: Database) -> None:
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with database.session() as session:
        session.add_all([Box(id=n, things=[Thing(), Thing(), Thing()]) for n in range(1, 4)])
        await session.flush()
        session.expunge_all()
        found = [(box.id, len(box.things)) async for box in BoxService(session).where().stream(2)]
        assert found == [(1, 3), (2, 3), (3, 3)]


async def test_rows_are_locked_as_they_are_read(filled: Database) -> None:
    async with filled.session() as session:
        assert await numbers(HeroService(session).where().lock().stream(5)) == EVERYONE


async def test_what_waits_in_the_session_is_in_the_stream(filled: Database) -> None:
    async with filled.session() as session:
        session.add(Team(name="New"))
        found = [team.name async for team in TeamService(session).where(name="New").stream()]
        assert found == ["New"]
        assert Mission.__tablename__ == "mission"
