"""What scopes look like in SQL, and which compiled statements are shared."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import MetaData, insert, select, text, true, update
from sqlalchemy.orm import aliased, joinedload, registry
from sqlmodel import Field, SQLModel
from tests.scope.guilds import OURS, Country, Hero, HeroRead, HeroService, Note, Team

from colonnade import Database, Scope
from colonnade.errors import InvalidMapping, ScopeUnbound
from colonnade.scope import has_any_scope
from colonnade.testing import count_statements


async def sql(db: Database, statement: Any, **scope: Any) -> str:
    """The statement as it is sent, with its white space and its placeholders made alike."""
    with count_statements(db) as statements:
        async with db.reader(scope={"guild": OURS, "reader": "ann"} | scope) as session:
            await session.execute(statement)
    (sent,) = statements.statements
    plain = re.sub(r"%s|\$\d+(::\w+)?", "?", " ".join(sent.split())).replace("`", "")
    return plain.replace("INNER JOIN", "JOIN")


async def test_the_criteria_stand_in_where(db: Database) -> None:
    found = await sql(db, select(Hero.name).where(Hero.age > 1))
    assert found.endswith(
        "FROM hero WHERE (hero.age > ?) AND hero.guild_id = ? AND hero.deleted_at IS NULL"
    )


async def test_what_was_asked_is_kept_together(db: Database) -> None:
    found = await sql(db, select(Team.id).where(text("1 = 0 OR 1 = 1")))
    assert found.endswith("WHERE (1 = 0 OR 1 = 1) AND team.guild_id = ?")
    found = await sql(db, select(Note.id))
    mine = r"note\.owner = \?"
    if db.family == "mysql":
        # An index serves the first; the second knows "ann" from "Ann".
        mine = rf"\({mine} AND CAST\(CONVERT\(note\.owner USING utf8mb4\) AS BINARY\) = \?\)"
    assert re.search(rf"WHERE \(note\.public( = 1| = true|) OR {mine}\)$", found)


async def test_an_outer_join_keeps_its_criteria_in_on(db: Database) -> None:
    found = await sql(db, select(Country.name, Team.name).outerjoin(Country.teams))
    assert found.endswith(
        "FROM country LEFT OUTER JOIN team ON (country.id = team.country_id) AND team.guild_id = ?"
    )


async def test_an_alias_has_its_own(db: Database) -> None:
    one, other = aliased(Team, name="one"), aliased(Team, name="other")
    found = await sql(db, select(one.id, other.id).join(other, true()))
    assert "one.guild_id = ?" in found
    assert "other.guild_id = ?" in found


async def test_a_full_join_is_of_subqueries(db: Database) -> None:
    if db.family == "mysql":
        return
    other = aliased(Team, name="other")
    found = await sql(db, select(Team.id).outerjoin(other, Team.id == other.id, full=True))
    assert "(SELECT * FROM team WHERE team.guild_id = ?) AS team FULL OUTER JOIN" in found
    assert "FULL OUTER JOIN (SELECT * FROM team WHERE team.guild_id = ?) AS other" in found


async def test_the_values_are_bound_and_not_written(db: Database) -> None:
    assert await sql(db, select(Team), guild=1) == await sql(db, select(Team), guild=2)


async def test_every_tenant_shares_one_compiled_statement(db: Database) -> None:
    statement = select(Team).options(joinedload(Team.country))
    async with db.session(scope={"guild": 1}) as session:
        await session.execute(statement)
        cache = session.get_bind().dialect.colonnade_scoped_caches.of(frozenset())
        before = len(cache)
    for guild in (1, 2, 3):
        async with db.session(scope={"guild": guild}) as session:
            assert [team.guild_id for team in await session.scalars(statement)] in ([guild], [])
    assert len(cache) == before


@pytest.mark.parametrize("first", [True, False])
async def test_a_statement_compiled_with_a_scope_does_not_serve_without_and_the_other_way_round(
    db: Database, first: bool
) -> None:
    statement = select(Team.name).order_by(Team.id)
    async with db.session(scope={"guild": OURS}) as session:
        for lifted in (first, not first, first):
            if lifted:
                async with session.unscoped("guild"):
                    assert len((await session.execute(statement)).all()) == 2
            else:
                assert len((await session.execute(statement)).all()) == 1
    async with db.engine.connect() as connection:
        assert len((await connection.execute(statement)).all()) == 2


async def test_flushes_and_statements_of_users_own_share_no_compiled_statement(
    db: Database,
) -> None:
    """A mapper keeps the statements of its flushes itself, and those know no scope."""
    async with db.session(scope={"guild": OURS}) as session:
        hero = await session.get_one(Hero, 10)
        hero.age = 41
        await session.flush()
        result: Any = await session.execute(update(Hero).where(Hero.id == 20).values(age=41))
        assert result.rowcount == 0
        await session.rollback()


async def test_a_condition_that_leads_back_to_its_own_model_is_refused(db: Database) -> None:
    class Base(SQLModel, registry=registry(metadata=MetaData())):
        pass

    class Loop(Base, table=True):
        __scopes__ = (Scope("loop", lambda row: row.id.in_(select(aliased(Loop).id))),)
        id: int = Field(primary_key=True)

    async with db.session() as session:
        with pytest.raises(InvalidMapping, match="'loop' of Loop is about rows of Loop"):
            await session.execute(select(Loop))


async def test_a_scope_that_only_an_eager_load_brings_in_is_not_forgotten(db: Database) -> None:
    async with db.session() as session:
        with pytest.raises(ScopeUnbound, match="'guild'"):
            await session.execute(select(Country).options(joinedload(Country.teams)))


async def test_raw_sql_and_connections_are_told_nothing(db: Database) -> None:
    async with db.session() as session:
        assert len((await session.execute(text("SELECT * FROM team"))).all()) == 2
        connection = await session.connection()
        assert len((await connection.execute(select(Team.id))).all()) == 2


async def test_any_number_of_statements_stays_what_it_was(db: Database) -> None:
    """A scope is a part of each statement and never a statement of its own."""
    assert has_any_scope()
    async with db.session(scope={"guild": OURS}) as session:
        heroes = HeroService(session)
        with count_statements(db) as statements:
            await heroes.where().all()
            statements.expect(1)
            await heroes.into(HeroRead).all()
            statements.expect(6)
            statements.clear()
            await heroes.create({"name": "new"})
            statements.expect(1 if session.get_bind().dialect.insert_returning else 2)
            statements.clear()
            await heroes.create_many(
                [{"name": "x", "team_id": 10, "mentor_id": 10 + i % 2} for i in range(20)]
            )
            looked_up = [text for text in statements.statements if text.startswith("SELECT")]
            assert len(looked_up) == 2
            statements.clear()
            await session.execute(insert(Hero), [{"name": "y", "team_id": 10} for _ in range(50)])
            statements.expect(2)
        await session.rollback()
