from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from colonnade import errors as e
from colonnade.caches import BoundedCache
from colonnade.database import Database
from colonnade.dialects import dialect_of
from colonnade.errors import InvalidURL
from colonnade.session.session import Session
from colonnade.settings.settings import Settings
from colonnade.settings.url import parse_url


@pytest.fixture(params=["asyncpg", "psycopg"])
def url(request: pytest.FixtureRequest, postgresql_url: str) -> str:
    """The URL of an empty database, through each driver."""
    plain = make_url(postgresql_url).set(drivername=f"postgresql+{request.param}")
    return plain.render_as_string(hide_password=False)


@pytest.fixture
async def db(url: str) -> AsyncIterator[Database]:
    async with Database(url) as database:
        yield database


async def ask(session: Session, statement: str) -> Any:
    return (await session.execute(text(statement))).scalar()


async def shown(database: Database, name: str, **unit: Any) -> str:
    """The value of a setting inside a unit of work."""
    async with database.session(**unit) as session:
        return str(await ask(session, f"SHOW {name}"))


async def sleep(database: Database, seconds: float, before: str = "", **unit: Any) -> None:
    async with database.session(**unit) as session:
        if before:
            await session.execute(text(before))
        await session.execute(text(f"SELECT pg_sleep({seconds})"))


@asynccontextmanager
async def other_zone(url: str) -> AsyncIterator[None]:
    """Give the test's database a default that is not UTC."""
    name = make_url(url).database
    async with Database(url) as database:
        async with database.session() as session:
            await session.execute(text(f"ALTER DATABASE {name} SET TimeZone = 'Asia/Tokyo'"))
        yield


async def test_every_connection_speaks_utc_whatever_the_servers_default(url: str) -> None:
    async with other_zone(url), Database(url) as database:
        assert await shown(database, "TimeZone") == "UTC"
        async with database.reader() as reader:
            assert await ask(reader, "SHOW TimeZone") == "UTC"


async def test_the_applications_name_reaches_the_server(url: str) -> None:
    question = "SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()"
    async with Database(url, application_name="shop") as database, database.session() as session:
        assert await ask(session, question) == "shop"


async def test_the_settings_application_name_wins_over_the_urls(url: str) -> None:
    async with Database(f"{url}?application_name=u") as database:
        assert await shown(database, "application_name") == "u"
    async with Database(f"{url}?application_name=u", application_name="s") as database:
        assert await shown(database, "application_name") == "s"


async def test_the_settings_limits_are_the_servers(url: str) -> None:
    async with Database(url, statement_timeout=12.5, lock_timeout=0.7) as database:
        assert await shown(database, "statement_timeout") == "12500ms"
        assert await shown(database, "lock_timeout") == "700ms"
        async with database.reader() as reader:
            assert await ask(reader, "SHOW statement_timeout") == "12500ms"


async def test_a_lifted_limit_is_left_to_the_server(url: str) -> None:
    async with Database(url, statement_timeout=None, lock_timeout=None) as database:
        assert await shown(database, "statement_timeout") == "0"
        assert await shown(database, "lock_timeout") == "0"


async def test_a_limit_below_a_millisecond_is_not_taken_for_none(url: str) -> None:
    async with Database(url, lock_timeout=0.001) as database:
        assert await shown(database, "lock_timeout") == "1ms"


async def test_a_units_own_limits_hold_for_it_and_are_gone_in_the_next(url: str) -> None:
    async with Database(url, pool_size=1, max_overflow=0) as database:
        limits = {"statement_timeout": 60.0, "lock_timeout": 0.25}
        assert await shown(database, "statement_timeout", **limits) == "1min"
        assert await shown(database, "lock_timeout", **limits) == "250ms"
        assert await shown(database, "statement_timeout") == "30s"
        assert await shown(database, "lock_timeout") == "5s"


async def test_a_unit_may_take_longer_than_the_databases_own_limit(url: str) -> None:
    async with Database(url, statement_timeout=0.1) as database:
        await sleep(database, 0.3, statement_timeout=5)
        with pytest.raises(e.StatementTimeout):
            await sleep(database, 0.3)


async def test_a_readers_connection_is_read_only_by_default(db: Database) -> None:
    async with db.reader() as reader:
        assert await ask(reader, "SHOW default_transaction_read_only") == "on"
        assert await ask(reader, "SHOW transaction_read_only") == "on"
    assert await shown(db, "default_transaction_read_only") == "off"


async def test_a_units_variables_are_gone_in_the_next(url: str) -> None:
    question = "SELECT current_setting('app.tenant', true)"
    async with Database(url, pool_size=1, max_overflow=0) as database:
        variables = {"app.tenant": "o'brien", "app.user_id": "7"}
        async with database.session(variables=variables) as session:
            assert await ask(session, question) == "o'brien"
            assert await ask(session, "SELECT current_setting('app.user_id')") == "7"
        async with database.session() as session:
            assert not await ask(session, question)


async def test_a_variable_opens_the_rows_of_its_tenant_only(db: Database) -> None:
    async with db.session() as session:
        for statement in (
            "CREATE TABLE note (tenant text, body text)",
            "INSERT INTO note VALUES ('a', 'of a'), ('b', 'of b')",
            "ALTER TABLE note ENABLE ROW LEVEL SECURITY",
            "CREATE POLICY own ON note USING (tenant = current_setting('app.tenant', true))",
            "GRANT SELECT ON note TO pg_monitor",
        ):
            await session.execute(text(statement))
    for tenant in ("a", "b", "c"):
        async with db.session(variables={"app.tenant": tenant}) as session:
            await session.execute(text("SET LOCAL ROLE pg_monitor"))
            rows = (await session.execute(text("SELECT body FROM note"))).scalars().all()
            assert rows == ([f"of {tenant}"] if tenant in "ab" else [])


@pytest.mark.parametrize("level", ["read committed", "repeatable read", "serializable"])
async def test_a_units_isolation_level_is_in_force_and_gone_in_the_next(
    url: str, level: str
) -> None:
    async with Database(url, pool_size=1, max_overflow=0) as database:
        assert await shown(database, "transaction_isolation", isolation=level) == level
        assert await shown(database, "transaction_isolation") == "read committed"


async def test_read_uncommitted_is_read_committed_as_postgresql_has_it(db: Database) -> None:
    level = await shown(db, "transaction_isolation", isolation="read uncommitted")
    assert level == "read committed"


async def test_a_unit_that_reads_only_is_so_on_the_server_and_the_next_is_not(url: str) -> None:
    async with Database(url, pool_size=1, max_overflow=0) as database:
        assert await shown(database, "transaction_read_only", read_only=True) == "on"
        assert await shown(database, "transaction_read_only") == "off"


async def test_a_snapshot_is_one_picture_that_cannot_be_written_to(db: Database) -> None:
    async with db.session() as session:
        await session.execute(text("CREATE TABLE n (i int)"))
    async with db.reader(snapshot=True) as reader:
        assert await ask(reader, "SHOW transaction_isolation") == "repeatable read"
        assert await ask(reader, "SHOW transaction_read_only") == "on"
        assert await ask(reader, "SELECT count(*) FROM n") == 0
        async with db.session() as session:
            await session.execute(text("INSERT INTO n VALUES (1)"))
        assert await ask(reader, "SELECT count(*) FROM n") == 0
    async with db.reader() as reader:
        assert await ask(reader, "SELECT count(*) FROM n") == 1


# PgBouncer mode


@pytest.fixture
async def bounced(url: str) -> AsyncIterator[Database]:
    settings: dict[str, Any] = {"statement_timeout": 7, "lock_timeout": 3, "pool_size": 1}
    async with Database(url, pgbouncer=True, max_overflow=0, **settings) as database:
        yield database


async def test_behind_pgbouncer_no_limit_is_sent_at_start_up(bounced: Database) -> None:
    """PgBouncer refuses such parameters; asked of a connection outside of any unit."""
    question = (
        "SELECT name FROM pg_settings WHERE source = 'client'"
        " AND name IN ('statement_timeout', 'lock_timeout', 'default_transaction_read_only')"
    )
    async with bounced.engine.connect() as connection:
        assert (await connection.execute(text(question))).all() == []
        assert (await connection.execute(text("SHOW statement_timeout"))).scalar() == "0"


async def test_behind_pgbouncer_every_unit_sets_its_limits_for_itself_alone(
    bounced: Database,
) -> None:
    question = "SELECT source FROM pg_settings WHERE name = 'statement_timeout'"
    async with bounced.session() as session:
        assert await ask(session, "SHOW statement_timeout") == "7s"
        assert await ask(session, "SHOW lock_timeout") == "3s"
        assert await ask(session, question) == "session"
    async with bounced.session(statement_timeout=9) as session:
        assert await ask(session, "SHOW statement_timeout") == "9s"
        assert await ask(session, "SHOW lock_timeout") == "3s"
    async with bounced.engine.connect() as connection:
        assert (await connection.execute(text("SHOW statement_timeout"))).scalar() == "0"


async def test_behind_pgbouncer_a_lifted_limit_sets_nothing(url: str) -> None:
    async with Database(url, pgbouncer=True, statement_timeout=None, lock_timeout=None) as database:
        assert await shown(database, "statement_timeout") == "0"


async def test_behind_pgbouncer_no_statement_is_prepared_by_name(bounced: Database) -> None:
    question = "SELECT count(*) FROM pg_prepared_statements WHERE name <> ''"
    async with bounced.session() as session:
        for _ in range(8):
            assert await ask(session, question) == 0


# What the drivers get


def arguments(text: str, **settings: Any) -> dict[str, Any]:
    return dialect_of(parse_url(text), Settings(**settings), reading=False).connect_args()


def test_a_whole_number_in_the_url_reaches_asyncpg_as_one() -> None:
    given = arguments("postgresql://h/db?statement_cache_size=5&connect_timeout=3")
    assert (given["statement_cache_size"], given["timeout"]) == (5, 3.0)


def test_as_many_statements_are_prepared_as_compiled_unless_the_url_says_less() -> None:
    names = ("statement_cache_size", "prepared_statement_cache_size")

    def sizes(text: str, **settings: Any) -> list[int]:
        given = arguments(text, **settings)
        return [given[name] for name in names]

    assert sizes("postgresql://h/db") == [512, 512]
    assert sizes("postgresql://h/db?statement_cache_size=5") == [5, 512]
    assert sizes("postgresql://h/db?prepared_statement_cache_size=7") == [512, 7]
    assert sizes("postgresql://h/db", pgbouncer=True) == [0, 0]
    assert "statement_cache_size" not in arguments("postgresql+psycopg://h/db")


async def test_a_connection_keeps_fewer_of_long_statements_prepared(postgresql_url: str) -> None:
    url = f"{postgresql_url}{'&' if '?' in postgresql_url else '?'}prepared_statement_cache_size=4"
    async with Database(url) as database, database.session() as session:

        async def prepared(length: int, times: int) -> int:
            for number in range(times):
                await session.execute(text(f"SELECT {number} /*{'x' * length}*/"))
            question = "SELECT count(*) FROM pg_prepared_statements WHERE statement ~ 'x{100}'"
            return int(await ask(session, question))

        # The hook is private to SQLAlchemy: without it four would stay, however long they are.
        connection: Any = (await (await session.connection()).get_raw_connection()).dbapi_connection
        assert type(connection._prepared_statement_cache) is BoundedCache
        assert await prepared(3_000, 6) <= 2
        assert await prepared(30_000, 2) <= 2
        assert connection._prepared_statement_cache.weight <= 4


def test_the_settings_limit_of_connecting_holds_unless_the_url_has_one() -> None:
    assert arguments("postgresql://h/db", connect_timeout=0.5)["timeout"] == 0.5
    # libpq counts whole seconds and not below two.
    given = arguments("postgresql+psycopg://h/db", connect_timeout=0.5)
    assert given["connect_timeout"] == 2
    assert arguments("postgresql+psycopg://h/db?connect_timeout=9")["connect_timeout"] == 9


@pytest.mark.parametrize("name", ["connect_timeout", "statement_cache_size"])
def test_what_is_no_whole_number_in_the_url_is_refused_without_its_value(name: str) -> None:
    with pytest.raises(InvalidURL, match=f"'{name}' must be a whole number") as caught:
        arguments(f"postgresql://h/db?{name}=Zq7-hush")
    assert "Zq7" not in str(caught.value)


def test_psycopg_gets_whole_numbers_too() -> None:
    assert arguments("postgresql+psycopg://h/db?prepare_threshold=5")["prepare_threshold"] == 5


async def test_the_urls_own_options_reach_the_server_beside_ours(url: str) -> None:
    async with Database(f"{url}?options=-c%20work_mem%3D5MB", statement_timeout=7) as database:
        assert await shown(database, "work_mem") == "5MB"
        assert await shown(database, "statement_timeout") == "7s"


async def test_tls_that_the_server_does_not_speak_is_not_given_up_silently(url: str) -> None:
    async with Database(f"{url}?sslmode=disable") as database:
        if await shown(database, "ssl") == "on":
            pytest.skip("this server speaks TLS")
    async with Database(f"{url}?sslmode=require") as database:
        with pytest.raises(e.ConnectionFailed):
            await shown(database, "ssl")


async def test_several_hosts_are_tried_until_one_takes_writes(url: str) -> None:
    plain = make_url(url)
    hosts = f"127.0.0.1:1,{plain.host}:{plain.port or 5432}"
    query = "target_session_attrs=read-write"
    account = plain.username if plain.password is None else f"{plain.username}:{plain.password}"
    text = f"{plain.drivername}://{account}@{hosts}/{plain.database}?{query}"
    async with Database(text) as database:
        assert await shown(database, "transaction_read_only") == "off"


async def test_a_statement_that_the_server_does_not_end_is_cut_off_by_the_client(
    url: str,
) -> None:
    """The server's own limit is put out of force, as on a peer that is frozen."""
    async with Database(url, statement_timeout=0.1) as database:
        begun = time.monotonic()
        with pytest.raises(e.ConnectionLost):
            await sleep(database, 20, before="SET LOCAL statement_timeout = 0")
        assert 2 < time.monotonic() - begun < 4
        async with database.session() as session:
            assert await ask(session, "SELECT 1") == 1
