"""A database that SQLAlchemy knows and Colonnade does not: nothing is set up for it.

CockroachDB speaks PostgreSQL's protocol, so a PostgreSQL server under its name stands for it.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.dialects import registry
from sqlalchemy.engine import make_url

from colonnade import errors as e
from colonnade.database import Database
from colonnade.dialects import dialect_of
from colonnade.dialects.dialect import GRACE_SECONDS, Dialect
from colonnade.dialects.mysql import MySQL
from colonnade.dialects.postgresql import PostgreSQL, Psycopg
from colonnade.dialects.sqlite import SQLite
from colonnade.settings.settings import Settings
from colonnade.settings.unit import Unit
from colonnade.settings.url import parse_url


@pytest.fixture
async def other(
    postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Database]:
    module = "sqlalchemy.dialects.postgresql.asyncpg"
    registry.register("cockroachdb.asyncpg", module, "PGDialect_asyncpg")
    (tmp_path / "sqlalchemy_cockroachdb.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    url = make_url(postgresql_url).set(drivername="cockroachdb")
    async with Database(url, pool_size=1, max_overflow=0) as database:
        yield database
    sys.modules.pop("sqlalchemy_cockroachdb", None)


async def shown(database: Database, name: str) -> object:
    async with database.session() as session:
        return (await session.execute(text(f"SHOW {name}"))).scalar()


async def fail(database: Database) -> None:
    async with database.session() as session:
        await session.execute(text("INSERT INTO n VALUES (1)"))
        await session.execute(text("SELECT missing"))


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("sqlite:///a.db", SQLite),
        ("postgresql://h/db", PostgreSQL),
        ("postgresql+psycopg://h/db", Psycopg),
        ("mysql://h/db", MySQL),
        ("mariadb+asyncmy://h/db", MySQL),
    ],
)
def test_every_family_has_its_dialect(url: str, kind: type[Dialect]) -> None:
    assert type(dialect_of(parse_url(url), Settings(), reading=True)) is kind


async def test_an_unknown_family_is_left_to_its_dialect(other: Database) -> None:
    assert other.family == "cockroachdb"
    assert await shown(other, "statement_timeout") == "0"
    assert await shown(other, "application_name") == ""


async def test_an_unknown_familys_units_commit_and_roll_back(other: Database) -> None:
    async with other.session() as session:
        await session.execute(text("CREATE TABLE n (i int)"))
    with pytest.raises(e.InvalidStatement):
        await fail(other)
    async with other.session(isolation="serializable") as session:
        assert (await session.execute(text("SELECT count(*) FROM n"))).scalar() == 0
        level = await session.execute(text("SHOW transaction_isolation"))
        assert level.scalar() == "serializable"


async def test_an_unknown_familys_variables_are_refused(other: Database) -> None:
    with pytest.raises(e.InvalidSetting, match="row-level security"):
        async with other.session(variables={"app.tenant": "1"}) as session:
            await session.connection()


async def test_an_unknown_familys_connection_with_an_open_transaction_is_not_used_again(
    other: Database,
) -> None:
    async with other.engine.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None
        await raw.execute("BEGIN")
        first = await raw.fetchval("SELECT pg_backend_pid()")
    async with other.engine.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None
        assert await raw.fetchval("SELECT pg_backend_pid()") != first
        assert not raw.is_in_transaction()


@pytest.mark.parametrize("seconds", [None, 3.0])
def test_the_client_waits_a_little_longer_than_the_server(seconds: float | None) -> None:
    dialect = dialect_of(
        parse_url("postgresql://h/db"), Settings(statement_timeout=seconds), reading=False
    )
    assert dialect.statement_limit(Unit()) == (None if seconds is None else seconds + GRACE_SECONDS)
    assert dialect.statement_limit(Unit(statement_timeout=9)) == 9 + GRACE_SECONDS
    assert dialect.commit_limit == (None if seconds is None else seconds + 2 * GRACE_SECONDS)
