# ruff: noqa: PT012  # what raises is the end of a block, which has more than one line
"""A stream keeps the scope that it began in, whatever its session is bound to meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import immediateload, selectinload
from tests.scope.guilds import (
    OURS,
    THEIRS,
    CountryRead,
    CountryService,
    Hero,
    HeroRead,
    HeroService,
    Team,
    TeamService,
)

from colonnade import Database, Session
from colonnade.errors import OutOfScope

STREAMS: dict[str, Callable[[Session], Any]] = {
    "objects": lambda s: (
        HeroService(s).where().order_by("id").load("team", "powers").stream(batch=1)
    ),
    "schemas": lambda s: HeroService(s).into(HeroRead).order_by("id").stream(batch=1),
    "documents": lambda s: HeroService(s).into(HeroRead).order_by("id").json.stream(batch=1),
}


def shown(item: Any) -> str:
    if isinstance(item, bytes):
        return item.decode()
    if isinstance(item, Hero):
        return f"{item.name} {item.team} {item.powers}"
    return str(item.model_dump_json())


@pytest.mark.parametrize("way", ["session", "reader", "snapshot"])
@pytest.mark.parametrize("kind", STREAMS)
async def test_a_stream_reads_on_in_the_scope_that_it_began_in(
    db: Database, kind: str, way: str
) -> None:
    opened: Any = {
        "session": lambda: db.session(scope={"guild": OURS}),
        "reader": lambda: db.reader(scope={"guild": OURS}),
        "snapshot": lambda: db.reader(snapshot=True, scope={"guild": OURS}),
    }[way]
    async with opened() as session:
        alone = [shown(item) async for item in STREAMS[kind](session)]
        session.expunge_all()
        stream: AsyncIterator[Any] = aiter(STREAMS[kind](session))
        found = [shown(await anext(stream))]
        async with session.unscoped("guild", "deleted"):
            found.append(shown(await anext(stream)))
        async with session.scoped(guild=THEIRS):
            found += [shown(item) async for item in stream]
        assert found == alone
        assert "their" not in str(found)
        assert [team.name for team in await TeamService(session).where().all()] == ["our team"]


async def test_a_sessions_own_stream_loads_relations_in_the_scope_that_it_began_in(
    db: Database,
) -> None:
    if db.family == "mysql":
        return  # its driver reads nothing else while a result is being read
    statement = (
        select(Hero)
        .order_by(Hero.id)
        .options(selectinload(Hero.powers), immediateload(Hero.team))
        .execution_options(yield_per=1)
    )
    async with db.session(scope={"guild": OURS}) as session:
        stream = aiter(await session.stream_scalars(statement))
        told = [shown(await anext(stream))]
        async with session.unscoped("guild", "deleted"):
            told += [shown(hero) async for hero in stream]
        assert "their" not in str(told)
        assert [item.split(" ")[1] for item in told] == ["boss", "pupil", "stray"]


async def test_what_waits_is_written_in_its_own_scope_while_a_stream_reads(db: Database) -> None:
    async with db.session(scope={"guild": OURS}) as session:
        stream = aiter(TeamService(session).where().order_by("id").stream(batch=1))
        await anext(stream)
        async with session.scoped(guild=THEIRS):
            team = Team(name="new")
            session.add(team)
            assert [item.name async for item in stream] == []
            assert team.guild_id == THEIRS
            assert await TeamService(session).where(name="new").count() == 1
        await session.rollback()


async def test_what_a_stream_read_elsewhere_is_looked_up_before_it_is_changed(
    db: Database,
) -> None:
    async with db.session(scope={"guild": OURS}) as session:
        stream = aiter(HeroService(session).where().order_by("id").stream(batch=1))
        await anext(stream)
        with pytest.raises(OutOfScope):
            async with session.scoped(guild=THEIRS):
                hero = await anext(stream)
                hero.age = 99
        await stream.aclose()  # type: ignore[attr-defined]
        await session.rollback()


async def test_a_stream_begins_when_its_first_item_is_read(db: Database) -> None:
    async with db.reader() as session:
        async with session.scoped(guild=OURS):
            stream = CountryService(session).into(CountryRead).stream()
        async with session.scoped(guild=THEIRS):
            (country,) = [item async for item in stream]
        assert [team.name for team in country.teams] == ["their team"]
