import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from datetime import datetime
from datetime import time as clock
from typing import Any

import pytest
from sqlalchemy import DateTime, LargeBinary, MetaData, Time, func, insert, literal, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from colonnade import errors as e
from colonnade.database import Database
from colonnade.dialects import dialect_of
from colonnade.models import DateTimeUTC, IntegerKey
from colonnade.session.session import Session
from colonnade.settings.settings import Settings
from colonnade.settings.url import parse_url
from colonnade.testing.servers import Server


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Note(IntegerKey, Base, table=True):
    body: str = Field(max_length=20)
    at: datetime | None = Field(default=None, sa_type=DateTimeUTC)
    local: datetime | None = Field(default=None, sa_type=DateTime)
    daily: clock | None = Field(default=None, sa_type=Time)


NOTE = Base.metadata.tables["note"]


@pytest.fixture(params=["aiomysql", "asyncmy"])
def url(request: pytest.FixtureRequest, mariadb_url: str) -> str:
    """The URL of an empty database, through each driver."""
    plain = make_url(mariadb_url).set(drivername=f"mysql+{request.param}")
    return plain.render_as_string(hide_password=False)


@pytest.fixture
async def db(url: str) -> AsyncIterator[Database]:
    """One connection, so that what a unit leaves behind is met by the next."""
    async with Database(url, metadata=Base.metadata, pool_size=1, max_overflow=0) as database:
        await database.create_all()
        yield database


async def ask(session: Session, statement: str) -> Any:
    return (await session.execute(text(statement))).scalar()


async def shown(database: Database, name: str, **unit: Any) -> Any:
    async with database.session(**unit) as session:
        return await ask(session, f"SELECT @@{name}")


async def test_bytes_are_sent_as_they_are(db: Database) -> None:
    """PyMySQL 1.2 has taken from aiomysql the function that writes them."""
    every = bytes(range(256))
    async with db.reader() as reader:
        for value in (b"", b"'\\", every):
            asked = await reader.execute(select(literal(value, LargeBinary()), func.hex(value)))
            assert asked.one() == (value, value.hex().upper())


async def write(database: Database, body: str = "x", **unit: Any) -> None:
    async with database.session(**unit) as session:
        await session.execute(insert(NOTE).values(body=body))


# What every connection is set to


async def test_every_connection_speaks_utc_whatever_the_servers_default(
    db: Database, mariadb_server: Server
) -> None:
    assert await shown(db, "time_zone") == "+00:00"
    async with db.reader() as reader:
        assert await ask(reader, "SELECT @@time_zone") == "+00:00"
        assert await ask(reader, "SELECT TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP, NOW())") == 0


async def test_a_value_that_does_not_fit_is_refused_even_where_the_server_would_cut_it(
    db: Database,
) -> None:
    mode = await shown(db, "sql_mode")
    assert "STRICT_ALL_TABLES" in mode
    assert "ERROR_FOR_DIVISION_BY_ZERO" in mode, "the server's own modes stay"
    with pytest.raises(e.InvalidValue):
        await write(db, "x" * 21)


async def test_every_character_survives(db: Database) -> None:
    assert await shown(db, "character_set_connection") == "utf8mb4"
    await write(db, "🏛️ 柱 ñ \\ ' %")
    async with db.reader() as reader:
        assert (await reader.execute(select(NOTE.c.body))).scalar() == "🏛️ 柱 ñ \\ ' %"


async def test_microseconds_are_kept(db: Database) -> None:
    moment = datetime.fromisoformat("2024-02-29T23:59:59.123456+00:00")
    async with db.session() as session:
        local = moment.replace(tzinfo=None)
        session.add(Note(body="x", at=moment, local=local, daily=local.time()))
    async with db.reader() as reader:
        row = (await reader.execute(select(NOTE.c.at, NOTE.c.local, NOTE.c.daily))).one()
        assert tuple(row) == (moment, local, local.time())


async def test_the_settings_limits_are_the_servers(url: str) -> None:
    async with Database(url, statement_timeout=12.5, lock_timeout=3) as database:
        assert await shown(database, "max_statement_time") == 12.5
        assert await shown(database, "innodb_lock_wait_timeout") == 3
        async with database.reader() as reader:
            assert await ask(reader, "SELECT @@max_statement_time") == 12.5


async def test_a_lifted_limit_is_none_for_statements_and_the_longest_for_locks(url: str) -> None:
    async with Database(url, statement_timeout=None, lock_timeout=None) as database:
        assert await shown(database, "max_statement_time") == 0
        assert await shown(database, "innodb_lock_wait_timeout") >= 100_000_000


async def test_a_lock_time_out_below_a_second_is_a_second(url: str) -> None:
    async with Database(url, lock_timeout=0.1) as database:
        assert await shown(database, "innodb_lock_wait_timeout") == 1


# What a unit asks for


async def test_a_units_limits_hold_for_it_and_do_not_leak_to_the_next(db: Database) -> None:
    limits = {"statement_timeout": 60.0, "lock_timeout": 2.0}
    assert await shown(db, "max_statement_time", **limits) == 60
    assert await shown(db, "innodb_lock_wait_timeout", **limits) == 2
    assert await shown(db, "max_statement_time") == 30
    assert await shown(db, "innodb_lock_wait_timeout") == 5


async def test_a_units_limits_do_not_leak_when_it_fails(db: Database) -> None:
    with pytest.raises(e.InvalidValue):
        await write(db, "x" * 21, statement_timeout=60)
    assert await shown(db, "max_statement_time") == 30


async def test_a_unit_may_take_longer_than_the_databases_own_limit(url: str) -> None:
    slow = "SELECT SLEEP(0.3) FROM (SELECT 1 AS a UNION SELECT 2) AS two"
    async with Database(url, statement_timeout=0.1) as database:
        async with database.session(statement_timeout=5) as session:
            await ask(session, slow)
        with pytest.raises(e.StatementTimeout):
            async with database.session() as session:
                await ask(session, slow)


@pytest.mark.parametrize(
    "level", ["read uncommitted", "read committed", "repeatable read", "serializable"]
)
async def test_a_units_isolation_level_is_in_force_and_gone_in_the_next(
    db: Database, level: str
) -> None:
    question = (
        "SELECT trx_isolation_level FROM information_schema.innodb_trx"
        " WHERE trx_mysql_thread_id = CONNECTION_ID()"
    )
    for asked in (level, "repeatable read"):
        unit: Any = {} if asked == "repeatable read" else {"isolation": asked}
        async with db.session(**unit) as session:
            await session.execute(insert(NOTE).values(body="x"))
            for _ in range(20):
                # The server keeps what it told last for a tenth of a second.
                await asyncio.sleep(0.12)
                level = await ask(session, question)
                if level == asked.upper():
                    break
            assert level == asked.upper()


async def test_a_unit_that_reads_only_cannot_write_and_the_next_can(db: Database) -> None:
    with pytest.raises(e.ReadOnlyServer):
        await write(db, read_only=True)
    await write(db)


async def test_a_unit_that_reads_only_may_have_a_level_of_its_own(db: Database) -> None:
    with pytest.raises(e.ReadOnlyServer):
        await write(db, read_only=True, isolation="serializable")
    await write(db)


async def test_a_reader_is_refused_by_the_server(db: Database) -> None:
    async with db.reader() as reader:
        with pytest.raises(e.ReadOnlySession) as caught:
            await reader.execute(text("INSERT INTO note (body) VALUES ('x')"))
    assert caught.value.__cause__ is not None
    await write(db)


async def test_a_snapshot_is_one_picture_that_cannot_be_written_to(db: Database) -> None:
    count = "SELECT count(*) FROM note"
    async with db.reader(snapshot=True) as reader:
        assert await ask(reader, count) == 0
        await write(db)
        assert await ask(reader, count) == 0
        with pytest.raises(e.ReadOnlySession):
            await reader.execute(text("INSERT INTO note (body) VALUES ('x')"))
    async with db.reader() as reader:
        assert await ask(reader, count) == 1


async def test_variables_are_refused_with_what_to_do_instead(db: Database) -> None:
    with pytest.raises(e.InvalidSetting, match="PostgreSQL's row-level security"):
        await write(db, variables={"app.tenant": "1"})
    await write(db)


async def sleep(database: Database) -> None:
    async with database.session() as session:
        await session.execute(text("SET SESSION max_statement_time = 0"))
        await session.execute(text("SELECT SLEEP(20)"))


async def test_a_statement_that_the_server_does_not_end_is_cut_off_by_the_client(url: str) -> None:
    """The server's own limit is put out of force, as on a peer that is frozen."""
    async with Database(url, statement_timeout=0.1) as database:
        begun = time.monotonic()
        with pytest.raises(e.ConnectionLost):
            await sleep(database)
        assert 2 < time.monotonic() - begun < 4
        assert await shown(database, "max_statement_time") == 0.1


# What the drivers get


def arguments(query: str, **settings: Any) -> dict[str, Any]:
    text = f"mysql://u@h/db?{query}" if query else "mysql://u@h/db"
    return dialect_of(parse_url(text), Settings(**settings), reading=False).connect_args()


def test_the_settings_limit_of_connecting_holds_unless_the_url_has_one() -> None:
    assert arguments("", connect_timeout=0.5)["connect_timeout"] == 0.5
    assert arguments("connect_timeout=1.5", connect_timeout=0.5)["connect_timeout"] == 1.5
    with pytest.raises(e.InvalidURL, match="'connect_timeout' must be a number"):
        arguments("connect_timeout=soon")


def test_the_programs_name_is_the_applications() -> None:
    assert arguments("", application_name="shop")["program_name"] == "shop"
    assert "program_name" not in arguments("")


@pytest.mark.parametrize(
    ("word", "value"), [("1", True), ("True", True), ("0", False), ("false", False)]
)
def test_local_infile_is_a_switch(word: str, value: bool) -> None:
    assert arguments(f"local_infile={word}")["local_infile"] is value


def test_a_charset_in_the_url_wins() -> None:
    assert arguments("")["charset"] == "utf8mb4"
    assert arguments("charset=latin1")["charset"] == "latin1"


@pytest.mark.parametrize(
    ("query", "verified", "named"),
    [
        ("sslmode=require", ssl.CERT_NONE, False),
        ("ssl_mode=REQUIRED", ssl.CERT_NONE, False),
        ("sslmode=prefer", ssl.CERT_NONE, False),
        ("sslmode=verify-ca", ssl.CERT_REQUIRED, False),
        ("sslmode=verify_full", ssl.CERT_REQUIRED, True),
        ("ssl-mode=VERIFY_IDENTITY", ssl.CERT_REQUIRED, True),
        ("ssl_check_hostname=true", ssl.CERT_REQUIRED, True),
        ("ssl_check_hostname=false", ssl.CERT_NONE, False),
    ],
)
def test_the_tls_mode_becomes_a_context(query: str, verified: ssl.VerifyMode, named: bool) -> None:
    given = arguments(query)
    assert given["ssl"].verify_mode is verified
    assert given["ssl"].check_hostname is named
    assert not {name for name in given if name.startswith("ssl")} - {"ssl"}


@pytest.mark.parametrize("query", ["", "sslmode=disable", "ssl_mode=DISABLED"])
def test_without_tls_there_is_no_context(query: str) -> None:
    assert "ssl" not in arguments(query)


def test_an_unknown_tls_mode_lists_those_that_are_known() -> None:
    with pytest.raises(e.InvalidURL, match="sslmode 'on' is not known") as caught:
        arguments("sslmode=on")
    assert caught.value.hint is not None
    assert "verify_full" in caught.value.hint


@pytest.mark.parametrize("name", ["ssl_ca", "ssl_cert"])
def test_a_tls_file_that_cannot_be_read_is_told_without_its_path(name: str) -> None:
    with pytest.raises(e.InvalidURL, match="cannot be read: No such file") as caught:
        arguments(f"{name}=/no/such/Zq7.pem")
    assert "Zq7" not in str(caught.value)


async def test_tls_that_the_server_does_not_speak_is_not_given_up_silently(url: str) -> None:
    async with Database(url) as database:
        if await shown(database, "have_ssl") == "YES":
            pytest.skip("this server speaks TLS")
    async with Database(f"{url}?sslmode=require") as database:
        with pytest.raises(e.ConnectionFailed):
            await shown(database, "have_ssl")


async def test_tls_that_is_only_preferred_may_be_missing(mariadb_url: str) -> None:
    async with Database(f"{mariadb_url}?sslmode=prefer") as database:
        assert await shown(database, "version")
