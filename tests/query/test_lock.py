"""Rows locked for a unit of work, and what other units see of that."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.guild import Hero, HeroService, TeamService, fill, fill_anew

from colonnade import Database
from colonnade.errors import LockTimeout, ReadOnlySession, UsageError

HERO: Any = Hero


@pytest.fixture
async def filled(guild: Database) -> Database:
    await fill(guild)
    return guild


@pytest.fixture
async def served(server_url: str) -> Any:
    """The same on the databases where two units write at a time."""
    await fill_anew(server_url)
    async with Database(server_url) as database:
        yield database


async def test_what_another_unit_has_locked_is_left_out_or_refused(served: Database) -> None:
    # In REPEATABLE READ, InnoDB locks the row behind a range too.
    level = "read committed"
    async with served.session(isolation=level) as first, served.session(isolation=level) as second:
        locked = await HeroService(first).where(id__lte=2).lock().all()
        assert [hero.id for hero in locked] == [1, 2]
        heroes = HeroService(second).where(id__lte=4)
        assert [hero.id for hero in await heroes.lock(skip_locked=True).all()] == [3, 4]
        assert (await heroes.lock(skip_locked=True).limit(1).one()).id == 3
        with pytest.raises(LockTimeout):
            async with second.savepoint():
                await heroes.lock(nowait=True).first()
        assert await heroes.count() == 4


async def test_what_another_unit_has_locked_is_waited_for_and_then_read_anew(
    served: Database,
) -> None:
    locked, done = asyncio.Event(), []

    async def change() -> None:
        async with served.session() as session:
            hero = await HeroService(session).where(id=1).lock().one()
            locked.set()
            await asyncio.sleep(0.1)
            hero.age = (hero.age or 0) + 1
            done.append("changed")

    async def follow() -> None:
        async with served.session(isolation="read committed") as session:
            heroes = HeroService(session)
            held = await heroes.get(1)
            assert held.age == 0
            await locked.wait()
            hero = await heroes.where(id=1).lock().one()
            done.append("followed")
            assert hero is held
            assert hero.age == 1

    await asyncio.gather(change(), follow())
    assert done == ["changed", "followed"]


async def test_rows_are_locked_whatever_is_joined_to_them(filled: Database) -> None:
    """PostgreSQL locks nothing on the far side of an outer join, and says so."""
    async with filled.session() as session:
        heroes = HeroService(session).where(team__city__name__isnull=True, id__lte=5)
        found = await heroes.order_by("-team.name").load("team.city", "powers").lock().all()
        assert sorted(hero.id or 0 for hero in found) == [2, 3, 5]
        assert {hero.team.name if hero.team else None for hero in found} == {"League", None}


async def test_joined_rows_stay_free(postgresql_url: str) -> None:
    await fill_anew(postgresql_url)
    async with (
        Database(postgresql_url) as database,
        database.session() as first,
        database.session() as second,
    ):
        await HeroService(first).where(team__name="Avengers").load("team").lock().all()
        team = await TeamService(second).where(id=1).lock(nowait=True).one()
        assert team.name == "Avengers"


async def test_a_locked_query_is_counted_paged_and_narrowed_like_any_other(
    filled: Database,
) -> None:
    async with filled.session() as session:
        heroes = HeroService(session).where(id__lte=5).lock()
        assert await heroes.count() == 5
        assert await heroes.exists()
        page = await heroes.page(2, size=2)
        assert ([hero.id for hero in page.items], page.total) == ([3, 4], 5)
        assert (await heroes.where(id=3).get(3)).id == 3
        assert "FOR UPDATE" in str(heroes.statement())


async def test_what_waits_in_the_session_is_written_before_its_row_is_read_anew(
    filled: Database,
) -> None:
    async with filled.session() as session:
        heroes = HeroService(session)
        held = await heroes.get(1)
        held.age = 77
        assert (await heroes.where(id=1).lock().one()).age == 77


async def test_a_lock_is_refused_where_it_would_hold_nothing(heroes: Database) -> None:
    async with heroes.reader() as session:
        with pytest.raises(ReadOnlySession, match="lock"):
            HeroService(session).where(id=1).lock()
    async with heroes.session() as session:
        query = HeroService(session).where(id=1)
        with pytest.raises(UsageError, match="not both"):
            query.lock(skip_locked=True, nowait=True)
        with pytest.raises(UsageError, match="lock"):
            query.lock().into(Any)
        with pytest.raises(UsageError, match="no meaning"):
            await query.lock().delete_all()
