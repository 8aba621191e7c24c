# ruff: noqa: PT012  # what raises is the end of a block, which has more than one line
"""However a part of a unit with other scopes ends, the scopes before it hold again."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from sqlalchemy import select
from tests.scope.guilds import OURS, THEIRS, Country, Hero, HeroService, Team, TeamService

from colonnade import Database, Session
from colonnade.errors import OutOfScope, SessionClosed, UniqueViolation


async def names(session: Session) -> list[str]:
    return [team.name for team in await TeamService(session).where().order_by("name").all()]


async def stored(session: Session, name: str) -> list[int]:
    """The guilds of the teams of this name, in whatever scope."""
    async with session.unscoped("guild"):
        found = await session.execute(select(Team.guild_id).where(Team.name == name))
    return list(found.scalars())


async def test_a_flush_that_fails_where_a_block_ends_leaves_no_scope_lifted(db: Database) -> None:
    async with db.session(scope={"guild": OURS}) as session:
        with pytest.raises(UniqueViolation):  # its end is the matter
            async with session.savepoint(), session.unscoped("guild"):
                session.add(Team(name="our team", guild_id=THEIRS))
        assert await names(session) == ["our team"]
        with pytest.raises(OutOfScope):  # its end is the matter
            async with session.scoped(guild=THEIRS):
                session.add(Hero(name="x", team_id=10))
        assert not session.new
        assert await names(session) == ["our team"]
        await session.rollback()


async def test_what_a_failed_block_added_is_not_written_elsewhere(db: Database) -> None:
    async with db.session(scope={"guild": OURS}) as session:
        session.add(Team(name="before"))
        with pytest.raises(LookupError):
            async with session.scoped(guild=THEIRS):
                session.add(Team(name="inside"))
                raise LookupError
        session.add(Team(name="after"))
        await session.flush()
        assert await stored(session, "before") == [OURS]
        assert await stored(session, "inside") == []
        assert await stored(session, "after") == [OURS]
        await session.rollback()


async def test_what_a_failed_block_changed_and_deleted_is_forgotten(db: Database) -> None:
    async with db.session(scope={"guild": OURS}) as session:
        with pytest.raises(LookupError):
            async with session.scoped(guild=THEIRS):
                boss, pupil = await HeroService(session).get_many([20, 21])
                team = await TeamService(session).get(20, load=["heroes"])
                await session.delete(pupil)
                boss.age = 99
                team.heroes.append(Hero(name="new"))
                raise LookupError
        assert not session.new
        assert not session.deleted
        await session.flush()
        async with session.scoped(guild=THEIRS):
            assert (await HeroService(session).get(20)).age == 40
            assert await HeroService(session).where(name="new").count() == 0
            assert await HeroService(session).where(id=21).count() == 1
        await session.rollback()


async def test_a_row_that_a_block_wrote_before_it_failed_stays_in_its_scope(db: Database) -> None:
    async with db.session(scope={"guild": OURS}) as session:
        with pytest.raises(LookupError):
            async with session.scoped(guild=THEIRS):
                session.add(Team(name="written"))
                await session.flush()
                raise LookupError
        assert await stored(session, "written") == [THEIRS]
        await session.rollback()


async def test_a_block_that_is_cancelled_restores_the_scope(db: Database) -> None:
    async with db.session(scope={"guild": OURS}) as session:

        async def lifting() -> None:
            async with session.unscoped("guild"):
                session.add(Team(name="of nobody", guild_id=THEIRS))
                await asyncio.sleep(60)

        task = asyncio.create_task(lifting())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await names(session) == ["our team"]
        assert await stored(session, "of nobody") == []
        await session.rollback()


async def test_blocks_that_end_in_another_order_leave_nothing_behind(db: Database) -> None:
    async with db.session(scope={"guild": OURS}) as session:
        first, second = AsyncExitStack(), AsyncExitStack()
        await first.enter_async_context(session.unscoped("guild"))
        await second.enter_async_context(session.scoped(guild=THEIRS))
        session.add(Team(name="theirs"))
        await first.aclose()
        assert session.scope.lifted == frozenset()
        assert await names(session) == ["their team", "theirs"]
        await second.aclose()
        assert session.scope.values == {"guild": OURS}
        assert session.scope.lifted == frozenset()
        assert await names(session) == ["our team"]
        assert await stored(session, "theirs") == [THEIRS]
        await session.rollback()


async def test_the_same_block_twice_ends_twice(db: Database) -> None:
    async with db.session(scope={"guild": OURS}) as session:
        async with session.unscoped("guild"):
            async with session.unscoped("guild"):
                pass
            assert await names(session) == ["our team", "their team"]
        assert await names(session) == ["our team"]


async def test_a_generator_that_is_left_inside_of_a_block_restores_the_scope(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async def every(session: Session) -> AsyncIterator[Any]:
        async with session.unscoped("guild"):
            for team in await TeamService(session).where().order_by("name").all():
                session.add(Country(name="never written"))
                yield team.name

    async with db.session(scope={"guild": OURS}) as session:
        found = every(session)
        with caplog.at_level(logging.WARNING, logger="colonnade"):
            assert await anext(found) == "our team"
            await found.aclose()  # type: ignore[attr-defined]
        assert "was not written" in caplog.text
        assert not session.new
        assert await names(session) == ["our team"]
        del found
        gc.collect()


async def test_a_block_whose_session_is_closed_inside_restores_the_scope(db: Database) -> None:
    with pytest.raises(SessionClosed):
        async with db.session(scope={"guild": OURS}) as session:
            with pytest.raises(SessionClosed):
                async with session.unscoped("guild"):
                    await session.close()
            assert session.scope.lifted == frozenset()


async def test_a_value_that_does_not_fit_begins_no_block(db: Database) -> None:
    async with db.session(scope={"guild": OURS}) as session:
        session.add(Team(name="waiting"))
        with pytest.raises(ValueError, match="nothing") as caught:
            try:
                async with session.scoped(guild=1.5):
                    raise AssertionError
            except Exception as error:
                raise ValueError("nothing") from error
        assert type(caught.value.__cause__).__name__ == "InvalidOperand"
        assert await names(session) == ["our team", "waiting"]
        await session.rollback()
