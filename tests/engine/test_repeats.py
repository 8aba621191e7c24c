"""The warning of one SELECT that runs again and again in a unit of work."""

import warnings
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import selectinload
from tests.guild import Hero, HeroService

from colonnade import Database, RepeatedStatement
from colonnade.errors import InvalidSetting


@pytest.mark.parametrize("kind", ["reader", "session"])
async def test_a_statement_for_each_row_is_warned_of_where_it_is_asked(
    heroes_url: str, kind: str
) -> None:
    async with Database(heroes_url, warn_repeated=3) as database:
        async with getattr(database, kind)() as session:
            heroes = HeroService(session)
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                for number in range(1, 6):
                    await heroes.where(name=f"secret {number}").all()
        assert len(caught) == 1
        assert Path(caught[0].filename).name == "test_repeats.py"
        assert caught[0].category is RepeatedStatement
        told = str(caught[0].message)
        assert "ran 3 times" in told
        assert "FROM hero" in told
        assert "secret" not in told


async def test_units_are_counted_each_for_itself(heroes_url: str) -> None:
    async with Database(heroes_url, warn_repeated=2) as database:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RepeatedStatement)
            for _ in range(3):
                async with database.reader() as session:
                    await HeroService(session).where(id=1).all()
                    await HeroService(session).where(id=1).count()
                    await session.execute(select(Hero).options(selectinload("*")).limit(1))


async def test_reading_a_list_in_parts_is_no_repetition(heroes_url: str) -> None:
    async with Database(heroes_url, warn_repeated=2) as database, database.reader() as session:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RepeatedStatement)
            assert len([hero async for hero in HeroService(session).where().stream(2)]) == 12


async def test_a_long_statement_is_cut(heroes_url: str) -> None:
    async with Database(heroes_url, warn_repeated=2) as database, database.reader() as session:
        long = text("SELECT " + ", ".join(str(number) for number in range(400)))
        await session.execute(long)
        with pytest.warns(RepeatedStatement, match="…"):
            await session.execute(long)


@pytest.mark.parametrize("times", [0, 1, -3, 2.5, True])
def test_it_takes_two_to_repeat(times: int) -> None:
    with pytest.raises(InvalidSetting, match="warn_repeated must be a whole number of at least 2"):
        Database("sqlite://", warn_repeated=times)
