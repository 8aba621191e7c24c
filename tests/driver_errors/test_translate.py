"""Every code that a real server can be made to say, on five drivers."""

import asyncio
import contextlib
import secrets
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    MetaData,
    SmallInteger,
    String,
    UniqueConstraint,
    delete,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from colonnade import ServiceBase
from colonnade import errors as e
from colonnade.database import Database
from colonnade.driver_errors.translate import ErrorContext, translate_error
from colonnade.models import NAMING_CONVENTION, DateTimeUTC, IntegerKey
from colonnade.session.session import Session
from colonnade.testing.servers import Server

SECRET = "Zq7-hush"
NUMBER = 987654321
DRIVERS = {
    "asyncpg": ("postgresql", "postgresql+asyncpg"),
    "psycopg": ("postgresql", "postgresql+psycopg"),
    "aiosqlite": ("sqlite", "sqlite+aiosqlite"),
    "aiomysql": ("mariadb", "mariadb+aiomysql"),
    "asyncmy": ("mariadb", "mariadb+asyncmy"),
}
POSTGRESQL = ("asyncpg", "psycopg")
MYSQL = ("aiomysql", "asyncmy")
SERVERS = (*POSTGRESQL, *MYSQL)


class Base(SQLModel, registry=registry(metadata=MetaData(naming_convention=NAMING_CONVENTION))):
    pass


class Team(IntegerKey, Base, table=True):
    __table_args__ = (UniqueConstraint("city", "nickname"),)

    name: str = Field(max_length=20, unique=True)
    city: str = Field(default="", max_length=20)
    nickname: str | None = Field(default=None, max_length=20)


class Hero(IntegerKey, Base, table=True):
    """Its attributes are not named like its columns."""

    __table_args__ = (CheckConstraint("hero_name <> 'Zq7-hush'", name="name_is_public"),)

    name: str = Field(sa_column=Column("hero_name", String(20), nullable=False))
    alias: str | None = Field(default=None, sa_column=Column("hero_alias", String(8), unique=True))
    rank: int | None = Field(default=None, sa_column=Column("hero_rank", SmallInteger))
    team_id: int | None = Field(
        default=None, sa_column=Column("team_ref", ForeignKey("team.id"), nullable=True)
    )


TEAM = Base.metadata.tables["team"]
HERO = Base.metadata.tables["hero"]


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def url(driver: str, request: pytest.FixtureRequest) -> str:
    """The URL of an empty database, through the driver."""
    kind, scheme = DRIVERS[driver]
    plain = make_url(request.getfixturevalue(f"{kind}_url"))
    return plain.set(drivername=scheme).render_as_string(hide_password=False)


@pytest.fixture
def server(driver: str, request: pytest.FixtureRequest) -> Server:
    server: Server = request.getfixturevalue(f"{DRIVERS[driver][0]}_server")
    return server


@asynccontextmanager
async def opened(url: str, **settings: Any) -> AsyncIterator[Database]:
    async with Database(url, metadata=Base.metadata, **settings) as database:
        yield database


@pytest.fixture
async def db(url: str) -> AsyncIterator[Database]:
    """A database with a team and a hero in it."""
    async with opened(url, lock_timeout=1) as database:
        await database.create_all()
        async with database.session() as session:
            await session.execute(insert(TEAM).values(name="a", city="b", nickname="c"))
            await session.execute(insert(HERO).values(hero_name="a", team_ref=1))
        yield database


async def failure(database: Database, *statements: Any, **unit: Any) -> e.ColonnadeError:
    """The error that the statements of one unit end in, having told no value."""

    async def work() -> None:
        async with database.session(**unit) as session:
            for statement in statements:
                await session.execute(statement)

    return await refusal(work())


async def refusal(work: Coroutine[Any, Any, None]) -> e.ColonnadeError:
    """The error of ours that ``work`` ends in, having told no value."""
    with pytest.raises(e.ColonnadeError) as caught:
        await work
    return quiet(caught.value)


def quiet(error: e.ColonnadeError) -> e.ColonnadeError:
    """The error, which tells no value and has the driver's words as its cause."""
    told = [str(error), repr(error), error.message, error.hint, error.model, error.constraint]
    shown = " ".join(map(str, (*told, *error.fields, *error.args)))
    assert SECRET not in shown
    assert str(NUMBER) not in shown
    assert "{" not in shown
    assert error.__cause__ is not None
    assert not isinstance(error.__cause__, e.ColonnadeError)
    return error


def facts(error: e.ColonnadeError) -> tuple[Any, ...]:
    return type(error), error.model, error.fields, error.constraint


def only(*drivers: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("driver", drivers, indirect=True)


# Constraints


async def test_a_unique_constraint_is_named_with_its_field(db: Database) -> None:
    team = {"name": SECRET, "city": ""}
    error = await failure(db, insert(TEAM).values(team), insert(TEAM).values(team))
    assert facts(error) == (e.UniqueViolation, "Team", ("name",), "uq_team_name")
    assert error.message == "Team with name exists already"
    assert isinstance(error, e.Conflict)
    assert error.code == "unique"


async def test_a_unique_constraint_of_two_columns_is_named_with_both(db: Database) -> None:
    team = {"city": SECRET, "nickname": SECRET}
    rows = [insert(TEAM).values(name=name, **team) for name in ("x", "y")]
    error = await failure(db, *rows)
    told = (e.UniqueViolation, "Team", ("city", "nickname"), "uq_team_city_nickname")
    assert facts(error) == told
    assert error.message == "Team with city and nickname exists already"


async def test_a_renamed_column_is_told_by_its_attribute(db: Database) -> None:
    hero = {"hero_name": "x", "hero_alias": SECRET}
    error = await failure(db, insert(HERO).values(hero), insert(HERO).values(hero))
    assert facts(error) == (e.UniqueViolation, "Hero", ("alias",), "uq_hero_hero_alias")


async def test_a_taken_primary_key_is_a_unique_violation(db: Database, driver: str) -> None:
    error = await failure(db, insert(TEAM).values(id=1, name=SECRET))
    named = "PRIMARY" if driver in MYSQL else "pk_team"
    assert facts(error) == (e.UniqueViolation, "Team", ("id",), named)


async def test_mariadb_calls_every_primary_key_primary_and_none_is_guessed(
    db: Database, driver: str
) -> None:
    row = f"INSERT INTO team (id, name, city) VALUES (1, '{SECRET}', '')"
    error = await failure(db, text(row))
    if driver in MYSQL:
        assert facts(error) == (e.UniqueViolation, None, (), "PRIMARY")
        assert error.message == "the row with these values exists already"
    else:
        assert facts(error)[1:3] == ("Team", ("id",))


async def test_a_dangling_reference_is_named_where_the_driver_can(
    db: Database, driver: str
) -> None:
    error = await failure(db, insert(HERO).values(hero_name="x", team_ref=NUMBER))
    if driver == "aiosqlite":
        # SQLite names nothing; the statement tells the table.
        assert facts(error) == (e.ForeignKeyViolation, "Hero", (), None)
    else:
        told = (e.ForeignKeyViolation, "Hero", ("team_id",), "fk_hero_team_ref_team")
        assert facts(error) == told
    assert isinstance(error, e.Conflict)
    assert error.code == "foreign_key"


async def test_deleting_a_row_that_is_referred_to_names_the_reference_not_the_row(
    db: Database, driver: str
) -> None:
    error = await failure(db, delete(TEAM).where(TEAM.c.name != SECRET))
    if driver == "aiosqlite":
        assert facts(error) == (e.ForeignKeyViolation, "Team", (), None)
    else:
        told = (e.ForeignKeyViolation, "Hero", ("team_id",), "fk_hero_team_ref_team")
        assert facts(error) == told


async def test_null_in_a_column_that_needs_a_value_is_named(db: Database) -> None:
    error = await failure(db, insert(HERO).values(hero_name=None, hero_alias="Zq7"))
    assert facts(error) == (e.NotNullViolation, "Hero", ("name",), None)
    assert error.message == "Hero needs name"
    assert not isinstance(error, e.Conflict)


async def test_a_missing_value_without_a_default_is_the_same(db: Database) -> None:
    error = await failure(db, text("INSERT INTO hero (hero_alias) VALUES ('Zq7-hush')"))
    assert facts(error) == (e.NotNullViolation, "Hero", ("name",), None)


async def test_a_check_constraint_is_named(db: Database) -> None:
    error = await failure(db, insert(HERO).values(hero_name=SECRET))
    assert facts(error) == (e.CheckViolation, "Hero", (), "ck_hero_name_is_public")
    assert error.message == "Hero breaks a check constraint"
    assert not isinstance(error, e.Conflict)


@only(*POSTGRESQL)
async def test_an_exclusion_constraint_is_named(db: Database) -> None:
    taken = text(f"INSERT INTO booking VALUES (int4range(1, {NUMBER}))")
    table = text(
        "CREATE TABLE booking (at int4range, CONSTRAINT one EXCLUDE USING gist (at WITH &&))"
    )
    error = await failure(db, table, taken, taken)
    assert facts(error) == (e.ExclusionViolation, None, ("at",), "one")
    assert error.message == "booking overlaps one that exists already"


async def test_a_unique_index_over_an_expression_is_named(db: Database, driver: str) -> None:
    if driver in MYSQL:
        pytest.skip("MariaDB has no index over an expression")
    index = text("CREATE UNIQUE INDEX lower_name ON team (lower(name))")
    rows = [insert(TEAM).values(name=name, city=name) for name in (SECRET, SECRET.upper())]
    error = await failure(db, index, *rows)
    assert (type(error), error.model) == (e.UniqueViolation, "Team")
    assert error.constraint == "lower_name"


async def test_a_constraint_of_a_table_without_a_model_is_still_named(
    db: Database, driver: str
) -> None:
    table = text("CREATE TABLE other (word VARCHAR(20), CONSTRAINT other_word UNIQUE (word))")
    row = text(f"INSERT INTO other VALUES ('{SECRET}')")
    error = await failure(db, table, row, row)
    told: dict[str, tuple[tuple[str, ...], str | None]] = {
        "postgresql": (("word",), "other_word"),
        "sqlite": (("word",), None),
        "mariadb": ((), "other_word"),
    }
    assert facts(error) == (e.UniqueViolation, None, *told[DRIVERS[driver][0]])


async def test_a_deferred_constraint_is_refused_at_commit_by_name(
    db: Database, driver: str
) -> None:
    if driver in MYSQL:
        pytest.skip("MariaDB defers no constraint")
    table = text(
        "CREATE TABLE seat (team_ref int CONSTRAINT seat_of_team"
        " REFERENCES team (id) DEFERRABLE INITIALLY DEFERRED)"
    )
    error = await failure(db, table, text(f"INSERT INTO seat VALUES ({NUMBER})"))
    named = None if driver == "aiosqlite" else "seat_of_team"
    assert (type(error), error.constraint) == (e.ForeignKeyViolation, named)


async def test_an_orm_flush_tells_the_same_as_a_statement(db: Database) -> None:
    async def work() -> None:
        async with db.session() as session:
            session.add_all([Team(name=SECRET), Team(name=SECRET)])

    told = (e.UniqueViolation, "Team", ("name",), "uq_team_name")
    assert facts(await refusal(work())) == told


async def test_a_column_name_in_the_statement_is_not_taken_for_the_culprit(db: Database) -> None:
    """The statement names ``id``, ``city`` and ``nickname`` too; only ``name`` is taken."""
    row = insert(TEAM).values(id=7, name="a", city=SECRET, nickname=SECRET)
    assert (await failure(db, row)).fields == ("name",)


# Values and statements


@pytest.mark.parametrize(
    "values",
    [
        {"hero_name": "x", "hero_rank": NUMBER},
        {"hero_name": "x", "hero_rank": SECRET},
        {"hero_name": "x", "hero_alias": SECRET * 4},
    ],
    ids=["out of range", "wrong type", "too long"],
)
@only(*SERVERS)
async def test_a_value_that_does_not_fit_its_column_is_an_invalid_value(
    db: Database, values: dict[str, Any]
) -> None:
    error = await failure(db, insert(HERO).values(values))
    field = "alias" if "hero_alias" in values else "rank"
    assert facts(error) == (e.InvalidValue, "Hero", (field,), None)
    assert error.message.startswith(f"Hero: {field}: a value does not fit its column")
    assert error.code == "invalid_value"


async def test_what_a_column_type_of_ours_refuses_arrives_as_it_was_raised(db: Database) -> None:
    naive = datetime(2020, 1, 1)  # noqa: DTZ001  # that is what the type refuses
    with pytest.raises(e.InvalidValue) as caught:
        async with db.session() as session:
            await session.execute(select(literal(naive, DateTimeUTC())))
    assert "2020" not in str(caught.value)


@only("aiosqlite")
async def test_a_number_that_sqlite_cannot_store_is_an_invalid_value(db: Database) -> None:
    error = await failure(db, insert(HERO).values(hero_name="x", hero_rank=2**64))
    assert type(error) is e.InvalidValue


@only(*POSTGRESQL)
async def test_a_null_character_is_an_invalid_value_for_postgresql(db: Database) -> None:
    error = await failure(db, insert(HERO).values(hero_name=f"{SECRET[:3]}\x00"))
    assert type(error) is e.InvalidValue


async def test_an_overflow_in_the_callers_own_code_stays_what_it_is(db: Database) -> None:
    with pytest.raises(OverflowError):
        async with db.session() as session:
            await session.run_sync(lambda _: 10.0**1000)


async def test_an_object_that_the_driver_cannot_send_is_no_plain_error(db: Database) -> None:
    """Each driver has another word for it; none is left without one of ours."""
    error = await failure(db, insert(HERO).values(hero_name=object()))
    assert type(error) in (e.InvalidValue, e.InvalidStatement)


@only("aiosqlite")
async def test_a_value_of_the_wrong_type_in_a_strict_sqlite_table_is_an_invalid_value(
    db: Database,
) -> None:
    error = await failure(
        db,
        text("CREATE TABLE strict_one (n INTEGER) STRICT"),
        text(f"INSERT INTO strict_one VALUES ('{SECRET}')"),
    )
    assert type(error) is e.InvalidValue


@pytest.mark.parametrize(
    "statement",
    [
        f"SELECT * FROM missing WHERE x = '{SECRET}'",
        f"SELECT missing FROM team WHERE name = '{SECRET}'",
        f"SELEC '{SECRET}'",
    ],
    ids=["table", "column", "syntax"],
)
async def test_a_statement_that_the_database_does_not_understand(
    db: Database, statement: str
) -> None:
    error = await failure(db, text(statement))
    assert facts(error) == (e.InvalidStatement, None, (), None)
    assert error.code == "invalid_statement"
    assert error.hint is not None
    assert "run the migrations" in error.hint


async def test_a_rollback_to_a_savepoint_that_is_not_there_is_an_invalid_statement(
    db: Database,
) -> None:
    error = await failure(db, select(TEAM), text(f"ROLLBACK TO SAVEPOINT {SECRET[:3]}"))
    assert type(error) is e.InvalidStatement


# Permissions


@pytest.fixture
def guest(driver: str, url: str, server: Server) -> Iterator[str]:
    """The URL of the same database for a user who may do nothing there."""
    name = f"guest_{secrets.token_hex(4)}"
    if driver in POSTGRESQL:
        server.execute(f"CREATE ROLE {name} LOGIN")
        drop = f"DROP ROLE {name}"
    else:
        account, table = f"{name}@'127.0.0.1'", f"`{make_url(url).database}`.team"
        server.execute(f"CREATE USER {account} IDENTIFIED BY '{SECRET}'")
        server.execute(f"GRANT SELECT (id) ON {table} TO {account}")
        drop = f"DROP USER {account}"
    password = SECRET if driver in MYSQL else None
    yield make_url(url).set(username=name, password=password).render_as_string(hide_password=False)
    server.execute(drop)


@only(*SERVERS)
@pytest.mark.parametrize("statement", [insert(TEAM).values(name=SECRET), select(TEAM)])
async def test_a_user_without_the_right_is_denied(
    driver: str, db: Database, guest: str, statement: Any
) -> None:
    async with opened(guest) as database:
        error = await failure(database, statement)
    assert type(error) is e.PermissionDenied
    assert error.code == "permission_denied"


@only(*MYSQL)
async def test_a_wrong_password_is_denied(db: Database, guest: str) -> None:
    wrong = make_url(guest).set(password=f"{SECRET}-not")
    async with opened(wrong.render_as_string(hide_password=False)) as database:
        assert type(await failure(database, select(TEAM))) is e.PermissionDenied


@only(*MYSQL)
async def test_a_database_of_others_is_denied(db: Database, guest: str) -> None:
    foreign = make_url(guest).set(database="mysql").render_as_string(hide_password=False)
    async with opened(foreign) as database:
        assert type(await failure(database, select(TEAM))) is e.PermissionDenied


@only(*POSTGRESQL)
async def test_an_unknown_user_is_denied(url: str, driver: str) -> None:
    nobody = make_url(url).set(username="nobody_here", password=SECRET)
    async with opened(nobody.render_as_string(hide_password=False)) as database:
        error = await failure(database, select(TEAM))
    # psycopg tells no code of what failed while connecting.
    assert type(error) is (e.PermissionDenied if driver == "asyncpg" else e.ConnectionFailed)


@only("aiosqlite")
async def test_an_sqlite_file_that_may_not_be_read_cannot_be_opened(url: str) -> None:
    folder = make_url(url).set(database="/").render_as_string()
    async with opened(folder) as database:
        assert type(await failure(database, select(TEAM))) is e.ConnectionFailed
    for thread in threading.enumerate():
        if "connection_worker" in thread.name:
            # It tells the loop of its end; one of another test's may stay.
            await asyncio.to_thread(thread.join, 0.5)


# Reaching the server


@only(*SERVERS)
async def test_an_unknown_database_is_no_connection(url: str) -> None:
    other = make_url(url).set(database="colonnade_no_such").render_as_string(hide_password=False)
    async with opened(other) as database:
        error = await failure(database, select(TEAM))
    assert type(error) is e.ConnectionFailed
    assert isinstance(error, e.Unavailable)
    assert error.code == "connection_failed"


@only(*SERVERS)
async def test_a_port_that_nobody_listens_on_is_no_connection(url: str) -> None:
    refused = make_url(url).set(port=1, password=SECRET).render_as_string(hide_password=False)
    async with opened(refused) as database:
        assert type(await failure(database, select(TEAM))) is e.ConnectionFailed


@only(*SERVERS)
async def test_a_host_without_an_address_is_no_connection(url: str) -> None:
    nowhere = make_url(url).set(host="nowhere.invalid").render_as_string(hide_password=False)
    async with opened(nowhere) as database:
        assert type(await failure(database, select(TEAM))) is e.ConnectionFailed


@only(*SERVERS)
async def test_a_server_that_says_nothing_is_no_connection_in_time(url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        mute = make_url(url).set(port=listener.getsockname()[1])
        begun = time.monotonic()
        async with opened(
            mute.render_as_string(hide_password=False), connect_timeout=0.2
        ) as database:
            assert type(await failure(database, select(TEAM))) is e.ConnectionFailed
    assert time.monotonic() - begun < 1


@only(*POSTGRESQL)
async def test_a_server_of_the_wrong_role_is_no_connection(url: str) -> None:
    async with opened(f"{url}?target_session_attrs=standby") as database:
        assert type(await failure(database, select(TEAM))) is e.ConnectionFailed


async def test_a_file_that_is_no_database_is_unavailable(tmp_path: Any) -> None:
    path = tmp_path / "no.db"
    path.write_text(SECRET * 200)
    async with opened(f"sqlite:///{path}") as database:
        error = await failure(database, select(TEAM))
    assert isinstance(error, e.Unavailable)


# Locks and limits


def move(key: int, city: str = SECRET) -> Any:
    return update(TEAM).where(TEAM.c.id == key).values(city=city)


async def test_a_lock_that_is_not_had_in_time_is_a_lock_time_out(db: Database, driver: str) -> None:
    async def work() -> None:
        # MariaDB counts whole seconds.
        limit = 1 if driver in MYSQL else 0.2
        async with db.session() as holder, db.session(lock_timeout=limit) as waiter:
            await holder.execute(move(1))
            # A task of its own: on SQLite, one that waits for itself is told at once.
            await asyncio.create_task(waiter.execute(move(1, "other")))

    with pytest.raises(e.LockTimeout) as caught:
        await work()
    error = caught.value
    assert isinstance(error, e.Retryable)
    assert error.code == "lock_timeout"
    if driver != "aiosqlite":  # there the units of one process queue before the driver is asked
        quiet(error)


@only(*SERVERS)
async def test_a_lock_that_nowait_does_not_get_is_a_lock_time_out(db: Database) -> None:
    async with db.session() as holder:
        await holder.execute(move(1))
        error = await failure(db, select(TEAM).with_for_update(nowait=True))
    assert type(error) is e.LockTimeout


async def crossing(db: Database, *, savepoint: bool = False) -> list[e.ColonnadeError]:
    """The errors of two units that change two teams in opposite order."""
    async with db.session() as session:
        await session.execute(insert(TEAM).values(id=2, name="b", city=""))
    barrier = asyncio.Barrier(2)

    async def swap(first: int, second: int) -> None:
        async with db.session() as session:
            await session.execute(move(first, SECRET))
            await barrier.wait()
            if savepoint:
                async with session.savepoint():
                    await session.execute(move(second, SECRET))
            else:
                await session.execute(move(second, SECRET))

    answers = await asyncio.gather(swap(1, 2), swap(2, 1), return_exceptions=True)
    return [answer for answer in answers if isinstance(answer, e.ColonnadeError)]


@only(*SERVERS)
@pytest.mark.parametrize("savepoint", [False, True], ids=["unit", "savepoint"])
async def test_a_deadlock_is_a_deadlock_in_a_savepoint_too(url: str, savepoint: bool) -> None:
    """MariaDB says there "savepoint does not exist" last, after it undid the whole unit."""
    async with opened(url, lock_timeout=4) as database:
        await database.create_all()
        async with database.session() as session:
            await session.execute(insert(TEAM).values(id=1, name="a", city=""))
        (error,) = await crossing(database, savepoint=savepoint)
    assert type(error) is e.Deadlock
    assert isinstance(quiet(error), e.Retryable)
    assert error.code == "deadlock"


@only(*POSTGRESQL)
async def test_units_that_cannot_be_put_in_an_order_fail_to_serialize(db: Database) -> None:
    async def work() -> None:
        async with db.session(isolation="repeatable read") as late:
            await late.execute(select(TEAM))
            async with db.session() as early:
                await early.execute(move(1))
            await late.execute(move(1, "other"))

    error = await refusal(work())
    assert type(error) is e.SerializationFailure
    assert isinstance(error, e.Retryable)
    assert error.code == "serialization_failure"


@only(*POSTGRESQL)
async def test_a_unit_that_is_refused_at_commit_fails_to_serialize(db: Database) -> None:
    async def work() -> None:
        async with db.session(isolation="serializable") as late:
            await late.execute(select(TEAM))
            async with db.session(isolation="serializable") as early:
                await early.execute(select(TEAM))
                await early.execute(insert(TEAM).values(name=SECRET, city=""))
            await late.execute(insert(TEAM).values(name=f"{SECRET}2", city=""))

    assert type(await refusal(work())) is e.SerializationFailure


@only(*MYSQL)
async def test_a_row_that_changed_since_the_snapshot_fails_to_serialize_on_mariadb(
    db: Database,
) -> None:
    async def work() -> None:
        async with db.session() as late:
            await late.execute(text("SET SESSION innodb_snapshot_isolation = ON"))
            await late.execute(select(TEAM))
            async with db.session() as early:
                await early.execute(move(1))
            await late.execute(move(1, "other"))

    async with db.engine.connect() as connection:
        known = await connection.exec_driver_sql("SHOW VARIABLES LIKE 'innodb_snapshot_isolation'")
        if not known.all():
            pytest.skip("this MariaDB has no innodb_snapshot_isolation")
    assert type(await refusal(work())) is e.SerializationFailure


SLOW = {
    "postgresql": f"SELECT pg_sleep(20), '{SECRET}'",
    # A SLEEP alone that is ended answers 1 and no error.
    "mariadb": f"SELECT SLEEP(20), '{SECRET}' FROM team, team AS other",
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1e9)"
    f" SELECT max(i), '{SECRET}' FROM n",
}


async def test_a_statement_that_runs_too_long_is_a_statement_time_out(
    db: Database, driver: str
) -> None:
    begun = time.monotonic()
    error = await failure(db, text(SLOW[DRIVERS[driver][0]]), statement_timeout=0.2)
    assert type(error) is e.StatementTimeout
    assert not isinstance(error, e.Retryable)
    assert error.code == "statement_timeout"
    assert time.monotonic() - begun < 2


@pytest.fixture
def running(driver: str, server: Server, url: str) -> Any:
    """End what runs in the test's database: its statement, or the whole connection."""
    name = make_url(url).database

    async def end(*, connection: bool) -> None:
        for _ in range(100):
            await asyncio.sleep(0.02)
            if driver in POSTGRESQL:
                how = "pg_terminate_backend" if connection else "pg_cancel_backend"
                ended = await asyncio.to_thread(
                    server.execute,
                    f"SELECT {how}(pid) FROM pg_stat_activity WHERE datname = '{name}'"
                    " AND state <> 'idle' AND query LIKE '%pg_sleep%'",
                )
            else:
                ended = await asyncio.to_thread(
                    server.execute,
                    f"SELECT id FROM information_schema.processlist WHERE db = '{name}'"
                    " AND info LIKE '%SLEEP%'",
                )
                for (thread,) in ended:
                    how = "CONNECTION" if connection else "QUERY"
                    await asyncio.to_thread(server.execute, f"KILL {how} {thread}")
            if ended:
                return
        raise AssertionError("nothing was running")

    return end


@only(*SERVERS)
async def test_a_statement_that_somebody_ends_is_cancelled(
    db: Database, driver: str, running: Any
) -> None:
    slow = failure(db, text(SLOW[DRIVERS[driver][0]]))
    error, _ = await asyncio.gather(slow, running(connection=False))
    assert type(error) is e.StatementCancelled
    assert error.code == "statement_cancelled"


@only(*SERVERS)
async def test_a_connection_that_somebody_ends_is_lost(
    db: Database, driver: str, running: Any
) -> None:
    slow = failure(db, text(SLOW[DRIVERS[driver][0]]))
    error, _ = await asyncio.gather(slow, running(connection=True))
    assert type(error) is e.ConnectionLost
    assert isinstance(error, e.Unavailable)
    assert error.code == "connection_lost"
    async with db.session() as session:
        assert (await session.execute(select(TEAM.c.name))).scalar() == "a"


# Read-only


async def test_a_write_in_a_unit_that_reads_only_is_refused(db: Database) -> None:
    error = await failure(db, insert(TEAM).values(name=SECRET, city=""), read_only=True)
    assert type(error) is e.ReadOnlyServer


async def test_a_write_through_a_reader_is_refused_by_the_server_too(db: Database) -> None:
    async def work() -> None:
        async with db.reader() as reader:
            await reader.execute(text(f"INSERT INTO team (name, city) VALUES ('{SECRET}', '')"))

    error = await refusal(work())
    assert type(error) is e.ReadOnlySession
    assert error.message == "a reader cannot write"


# A changed schema


@only(*POSTGRESQL)
async def test_a_prepared_statement_whose_schema_changed_passes_on_the_next_attempt(
    db: Database, url: str
) -> None:
    async def rows(session: Session) -> list[Any]:
        return list((await session.execute(text("SELECT * FROM team"))).all())

    async def work() -> None:
        async with db.session() as session:
            await rows(session)

    for _ in range(7):  # psycopg prepares what it has seen five times
        await work()
    async with opened(url) as other, other.session() as session:
        await session.execute(text("ALTER TABLE team ADD COLUMN more int"))
    error = await refusal(work())
    assert type(error) is e.Retryable
    assert error.message == "the schema changed under a prepared statement"
    assert len((await db.run(rows))[0]) == 5


# What is no business of the database


async def test_an_error_of_the_callers_own_code_stays_what_it_is(db: Database) -> None:
    mistake = KeyError(SECRET)

    async def work() -> None:
        async with db.session() as session:
            await session.execute(select(TEAM))
            raise mistake

    with pytest.raises(KeyError) as caught:
        await work()
    assert caught.value is mistake


async def test_what_sqlalchemy_does_not_allow_is_a_usage_error(db: Database) -> None:
    async with db.session() as session:
        hero = await session.get_one(Hero, 1)
        with pytest.raises(e.UsageError, match="text") as caught:
            await session.execute("SELECT 1")  # type: ignore[arg-type]  # that is the mistake
        assert isinstance(caught.value.__cause__, ArgumentError)
        with pytest.raises(e.UsageError):
            await session.get(dict, 1)
        for misuse in (session.add, session.expunge, session.expire):
            with pytest.raises(e.UsageError):
                misuse(object())
        with pytest.raises(e.UsageError):
            await session.refresh(Hero(name="new"))
        with pytest.raises(e.UsageError):
            await session.delete(Hero(name="new"))
        with pytest.raises(e.UsageError):
            await session.merge(object())
        with pytest.raises(e.NotFound):
            await session.get_one(Hero, 7)
        await session.execute(delete(HERO))
        with pytest.raises(e.NotFound) as gone:
            await session.refresh(hero)
        assert (gone.value.model, gone.value.keys) == ("Hero", (1,))
    with pytest.raises(e.UsageError, match="bind parameter 'x'"):
        async with db.session() as session:
            await session.execute(text("SELECT :x"))


# What a trigger says

TRIGGERS = {
    "sqlite": (
        (
            "CREATE TRIGGER guard BEFORE INSERT ON team WHEN NEW.city = 'no' "
            "BEGIN SELECT RAISE(ABORT, 'not Zq7-hush'); END"
        ),
        (
            "CREATE TRIGGER skip BEFORE INSERT ON team WHEN NEW.city = 'skip' "
            "BEGIN SELECT RAISE(IGNORE); END"
        ),
    ),
    "postgresql": (
        (
            "CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "IF NEW.city = 'no' THEN RAISE EXCEPTION 'not Zq7-hush'; END IF; "
            "IF NEW.city = 'own' THEN "
            "RAISE EXCEPTION 'not Zq7-hush' USING ERRCODE = 'TE123'; END IF; "
            "IF NEW.city = 'skip' THEN RETURN NULL; END IF; RETURN NEW; END $$"
        ),
        "CREATE TRIGGER guard BEFORE INSERT ON team FOR EACH ROW EXECUTE FUNCTION guard()",
    ),
    "mariadb": (
        (
            "CREATE TRIGGER guard BEFORE INSERT ON team FOR EACH ROW BEGIN IF NEW.city = 'no' THEN "
            "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not Zq7-hush'; END IF; END"
        ),
    ),
}


class TeamIn(SQLModel):
    name: str
    city: str


class Teams(ServiceBase[Team, TeamIn, TeamIn]):
    pass


async def test_a_refusal_of_a_trigger_is_one_error_on_every_database(
    db: Database, driver: str
) -> None:
    kind = DRIVERS[driver][0]
    async with db.session() as session:
        for statement in TRIGGERS[kind]:
            await session.execute(text(statement))

    async def create(city: str) -> None:
        async with db.session() as session:
            await Teams(session).create({"name": "x", "city": city})

    for city in ("no", "own") if kind == "postgresql" else ("no",):
        with pytest.raises(e.RefusedByDatabase) as caught:
            await create(city)
        assert caught.value.reason == f"not {SECRET}"
        assert caught.value.model == "Team"
        assert SECRET not in caught.value.message
        assert SECRET in str(caught.value)
    if kind != "mariadb":
        with pytest.raises(e.RefusedByDatabase, match="left out a row"):
            await create("skip")


#: Triggers that leave a write out without a word, which MariaDB's cannot.
SKIPPING = {
    "sqlite": (
        (
            "CREATE TRIGGER skip_it BEFORE INSERT ON team WHEN NEW.city = 'skip' "
            "BEGIN SELECT RAISE(IGNORE); END"
        ),
        (
            "CREATE TRIGGER skip_change BEFORE UPDATE ON team WHEN NEW.city = 'skip' "
            "BEGIN SELECT RAISE(IGNORE); END"
        ),
        (
            "CREATE TRIGGER skip_end BEFORE DELETE ON team WHEN OLD.city = 'stays' "
            "BEGIN SELECT RAISE(IGNORE); END"
        ),
    ),
    "postgresql": (
        (
            "CREATE FUNCTION skip_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "IF TG_OP = 'DELETE' THEN "
            "IF OLD.city = 'stays' THEN RETURN NULL; END IF; RETURN OLD; END IF; "
            "IF NEW.city = 'skip' THEN RETURN NULL; END IF; RETURN NEW; END $$"
        ),
        (
            "CREATE TRIGGER skip_it BEFORE INSERT OR UPDATE OR DELETE ON team "
            "FOR EACH ROW EXECUTE FUNCTION skip_it()"
        ),
    ),
}


async def test_no_write_that_a_trigger_leaves_out_goes_unnoticed(db: Database, driver: str) -> None:
    kind = DRIVERS[driver][0]
    if kind == "mariadb":
        pytest.skip("its triggers leave nothing out")
    async with db.session() as session:
        for statement in SKIPPING[kind]:
            await session.execute(text(statement))
        kept = await Teams(session).create({"name": "kept", "city": "stays"})
    rows = [{"name": f"n{number}", "city": "skip" if number == 1 else "a"} for number in range(3)]

    async def add(session: Session) -> None:
        session.add(Team(name="x", city="skip"))
        await session.flush()

    writes: dict[str, Callable[[Session], Awaitable[Any]]] = {
        "create_many": lambda session: Teams(session).create_many(rows),
        "first": lambda session: Teams(session).create_many([rows[1], *rows]),
    }
    # A row that a write by key has not met is not asked for again, to say why.
    by_key: dict[str, Callable[[Session], Awaitable[Any]]] = {
        "update": lambda session: Teams(session).update(kept.id, {"name": "y", "city": "skip"}),
        "delete": lambda session: Teams(session).delete(kept.id),
    }
    if kind == "sqlite":  # asyncpg does not count the rows of an executemany
        writes["unseen"] = lambda session: Teams(session).create_many(rows, returning=False)
    else:  # without RETURNING, SQLite's driver answers with the key of the row before
        writes["add"] = add
    for write in writes.values():
        with pytest.raises(e.RefusedByDatabase, match="left"):
            async with db.session() as session:
                await write(session)
    for write in by_key.values():
        with pytest.raises(e.NotFound):
            async with db.session() as session:
                await write(session)
    async with db.reader() as session:
        assert {team.city for team in await Teams(session).all()} == {"b", "stays"}
        with pytest.raises(e.NotFound):
            await Teams(session).get(kept.id + 1)


class Label(Base, table=True):
    """A row of which the database makes nothing: SQLite is not asked to return it."""

    code: str = Field(primary_key=True)


class LabelIn(SQLModel):
    code: str


class Labels(ServiceBase[Label, LabelIn, LabelIn]):
    pass


async def test_a_row_that_nothing_is_asked_back_of_is_counted(db: Database, driver: str) -> None:
    if DRIVERS[driver][0] != "sqlite":
        pytest.skip("the others are asked for all of a row")
    async with db.session() as session:
        await session.execute(
            text(
                "CREATE TRIGGER skip_it BEFORE INSERT ON label WHEN NEW.code = 'skip' "
                "BEGIN SELECT RAISE(IGNORE); END"
            )
        )
    with pytest.raises(e.RefusedByDatabase, match="left out"):
        async with db.session() as session:
            await Labels(session).create_many([{"code": "a"}, {"code": "skip"}])
    async with db.session() as session:
        assert len(await Labels(session).create_many([{"code": "a"}, {"code": "b"}])) == 2


async def test_codes_that_a_mariadb_signal_makes_up_are_refusals(db: Database, driver: str) -> None:
    if DRIVERS[driver][0] != "mariadb":
        pytest.skip("only there")
    for code in (1001, 12345, 30001):
        with pytest.raises(e.RefusedByDatabase) as caught:
            async with db.session() as session:
                await session.execute(
                    text(f"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no', MYSQL_ERRNO = {code}")
                )
        assert caught.value.reason == "no"


async def test_a_reader_says_where_postgresql_streams(db: Database, driver: str) -> None:
    if DRIVERS[driver][0] != "postgresql":
        pytest.skip("the others stream without a transaction")
    async with db.reader() as session:
        with pytest.raises(e.UsageError, match="only in a transaction") as caught:
            await session.stream(select(Team))
        assert "snapshot=True" in str(caught.value.hint)
    async with db.reader(snapshot=True) as session:
        assert len(await (await session.stream(select(Team))).all()) == 1


@pytest.mark.parametrize(
    ("statement", "kinds", "kind"),
    [
        ("SELECT 1 FROM nowhere.team", ("sqlite", "postgresql", "mariadb"), e.InvalidStatement),
        ("SELECT 9223372036854775807 + 1", ("postgresql", "mariadb"), e.InvalidValue),
        ("SELECT abs(-9223372036854775807 - 1)", ("sqlite",), e.InvalidValue),
        ("SELECT 1 / 0", ("postgresql",), e.InvalidValue),
        ("SELECT 'a' ~ '['", ("postgresql",), e.InvalidValue),
        ("SELECT 'a' REGEXP '['", ("mariadb",), e.InvalidValue),
        ("SELECT CAST('x' AS integer)", ("postgresql",), e.InvalidValue),
        ("SELECT json_extract('{', '$.a')", ("sqlite",), e.InvalidValue),
        (
            "SELECT (SELECT 1 UNION SELECT 2)",
            ("postgresql", "mariadb"),
            e.InvalidStatement,
        ),
        (
            (
                "SELECT CONVERT('a' USING latin1) COLLATE latin1_bin "
                "= CONVERT('a' USING latin1) COLLATE latin1_swedish_ci"
            ),
            ("mariadb",),
            e.InvalidStatement,
        ),
    ],
)
async def test_what_the_statement_is_told_for_has_a_class(
    db: Database, driver: str, statement: str, kinds: tuple[str, ...], kind: type
) -> None:
    if DRIVERS[driver][0] not in kinds:
        pytest.skip("another database's statement")
    assert type(await failure(db, text(statement))) is kind


# What SQLAlchemy finds out itself


async def test_a_row_that_went_since_it_was_read_is_a_stale_version(db: Database) -> None:
    async def work() -> None:
        async with db.session() as session:
            hero = await session.get_one(Hero, 1)
            await session.execute(delete(HERO))
            hero.name = SECRET

    error = await refusal(work())
    assert type(error) is e.StaleVersion
    assert isinstance(error, e.Conflict)
    assert error.code == "stale_version"


async def test_a_unit_that_goes_on_after_a_failed_flush_is_aborted(db: Database) -> None:
    async def work() -> None:
        async with db.session() as session:
            session.add(Team(name="a"))
            with contextlib.suppress(e.UniqueViolation):
                await session.flush()
            await session.execute(select(TEAM))

    with pytest.raises(e.TransactionAborted) as caught:
        await work()
    assert caught.value.hint is not None
    assert "session.savepoint()" in caught.value.hint


async def test_an_engine_whose_connections_are_all_taken_is_a_pool_time_out(url: str) -> None:
    async with (
        opened(url, pool_size=1, max_overflow=0, pool_timeout=0.1) as database,
        database.engine.connect(),
    ):
        error = await failure(database, text("SELECT 1"))
    assert type(error) is e.PoolTimeout
    assert error.hint is not None
    assert "db.engine" in error.hint


@only("asyncpg")
async def test_one_connection_used_by_two_tasks_is_named_so(db: Database) -> None:
    async with db.engine.connect() as connection:
        busy = asyncio.create_task(connection.exec_driver_sql("SELECT pg_sleep(0.2)"))
        await asyncio.sleep(0.05)
        with pytest.raises(e.SessionShared) as caught:
            await connection.rollback()
        await busy
    assert quiet(caught.value).message == ("one connection was used by two tasks at the same time")


async def test_an_error_of_ours_passes_unchanged(db: Database) -> None:
    mistake = e.Conflict("mine")
    with pytest.raises(e.Conflict) as caught:
        async with db.session():
            raise mistake
    assert caught.value is mistake
    assert translate_error(mistake, ErrorContext(Base.metadata)) is mistake


# Drivers without SQLAlchemy around them


@only(*POSTGRESQL, "aiosqlite")
async def test_a_bare_error_of_the_driver_tells_the_same(db: Database, driver: str) -> None:
    """COPY through SQLAlchemy's connection, for one, raises the driver's own exceptions."""
    async with db.engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None
        with pytest.raises(Exception, match=r"(?i)unique") as caught:
            await raw.execute(f"INSERT INTO team (id, name, city) VALUES (9, 'a', '{SECRET}')")
    answer = translate_error(caught.value, ErrorContext(Base.metadata))
    assert isinstance(answer, e.UniqueViolation)
    assert facts(answer)[1:] == ("Team", ("name",), "uq_team_name")
    assert SECRET not in str(answer)


def test_what_is_no_error_of_a_database_is_left_alone() -> None:
    where = ErrorContext(Base.metadata)
    for error in (
        KeyError(),
        ValueError(),
        asyncio.CancelledError(),
        SystemExit(),
    ):
        assert translate_error(error, where) is None


def test_a_network_error_means_what_was_being_done() -> None:
    lost = ErrorContext(Base.metadata)
    failed = ErrorContext(Base.metadata, connecting=True)
    for error in (ConnectionRefusedError(), TimeoutError(), EOFError(), ConnectionResetError()):
        assert type(translate_error(error, lost)) is e.ConnectionLost
        assert type(translate_error(error, failed)) is e.ConnectionFailed
