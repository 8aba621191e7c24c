import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.engine import make_url

from colonnade import errors as e
from colonnade.database import Database
from colonnade.testing.servers import Server

DRIVERS = {
    "asyncpg": ("postgresql", "postgresql+asyncpg"),
    "psycopg": ("postgresql", "postgresql+psycopg"),
    "aiosqlite": ("sqlite", "sqlite+aiosqlite"),
    "aiomysql": ("mariadb", "mariadb+aiomysql"),
    "asyncmy": ("mariadb", "mariadb+asyncmy"),
}
SERVERS = ("asyncpg", "psycopg", "aiomysql", "asyncmy")
WHO = {"postgresql": "SELECT pg_backend_pid()", "mysql": "SELECT CONNECTION_ID()"}
END = {"postgresql": "SELECT pg_terminate_backend({})", "mariadb": "KILL CONNECTION {}"}


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
async def db(url: str) -> AsyncIterator[Database]:
    """A database of one connection."""
    async with Database(url, pool_size=1, max_overflow=0) as database:
        yield database


def only(*drivers: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("driver", drivers, indirect=True)


async def who(database: Database, *, reading: bool = False) -> Any:
    """The server's number of the connection that the next session gets."""
    opened = database.reader() if reading else database.session()
    async with opened as session:
        return (await session.execute(text(WHO[database.family]))).scalar()


async def end(server: Server, number: int) -> None:
    await asyncio.to_thread(server.execute, END[server.kind].format(number))
    await asyncio.sleep(0.05)


@pytest.fixture
def server(driver: str, request: pytest.FixtureRequest) -> Server:
    server: Server = request.getfixturevalue(f"{DRIVERS[driver][0]}_server")
    return server


@only(*SERVERS)
@pytest.mark.parametrize("reading", [False, True])
async def test_a_connection_that_was_closed_while_idle_is_replaced_unnoticed(
    db: Database, server: Server, reading: bool
) -> None:
    first = await who(db, reading=reading)
    await end(server, first)
    assert await who(db, reading=reading) != first


@only(*SERVERS)
async def test_a_connection_that_somebody_closed_by_hand_is_replaced(db: Database) -> None:
    first = await who(db)
    async with db.engine.connect() as connection:
        raw: Any = (await connection.get_raw_connection()).driver_connection
    closing = raw.close()
    if closing is not None:
        await closing
    assert await who(db) != first


@only(*SERVERS)
async def test_a_healthy_connection_is_used_again(db: Database) -> None:
    assert await who(db) == await who(db)


@only(*SERVERS)
async def test_a_connection_that_lay_unused_is_asked_for_a_sign_of_life(url: str) -> None:
    async with Database(url, pool_size=1, max_overflow=0, idle_check=0) as database:
        assert await who(database) == await who(database)


@only(*SERVERS)
async def test_a_connection_that_dies_unseen_is_found_by_the_sign_of_life(
    url: str, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As behind a firewall that drops idle connections: the socket looks open."""
    async with Database(url, pool_size=1, max_overflow=0, idle_check=0) as database:
        first = await who(database)
        dialect = database._current_pools().primary.dialect
        monkeypatch.setattr(type(dialect), "is_open", lambda *_: True)
        await end(server, first)
        assert await who(database) != first


@only("aiosqlite")
async def test_an_idle_file_needs_no_sign_of_life(url: str) -> None:
    async with Database(url, pool_size=1, max_overflow=0, idle_check=0) as database:
        for _ in range(2):
            async with database.session() as session:
                await session.execute(text("SELECT 1"))


BEGIN = {"aiomysql": "query", "asyncmy": "query"}


async def test_a_connection_with_an_open_transaction_never_goes_back_into_the_pool(
    db: Database, driver: str
) -> None:
    async with db.engine.connect() as connection:
        proxied = await connection.get_raw_connection()
        raw: Any = proxied.driver_connection
        await getattr(raw, BEGIN.get(driver, "execute"))("BEGIN")
        assert db._current_pools().primary.dialect.in_transaction(raw)
    async with db.engine.connect() as connection:
        again = (await connection.get_raw_connection()).driver_connection
        assert again is not raw
        assert not db._current_pools().primary.dialect.in_transaction(again)


async def test_a_connection_without_one_goes_back(db: Database) -> None:
    seen = []
    for _ in range(2):
        async with db.session() as session:
            connection = await session.connection()
            seen.append((await connection.get_raw_connection()).driver_connection)
    assert seen[0] is seen[1]


async def test_nothing_connects_before_the_first_statement(url: str) -> None:
    opened = []
    async with Database(url) as database:
        event.listen(database.engine.sync_engine, "connect", lambda *_: opened.append(1))
        async with database.session():
            pass
        assert opened == []
        async with database.session() as session:
            await session.execute(text("SELECT 1"))
        assert opened == [1]


async def test_the_pool_is_as_large_as_the_settings_say(url: str) -> None:
    async with Database(
        url, pool_size=2, max_overflow=1, reader_pool_size=4, pool_recycle=60, pool_timeout=3
    ) as database:
        pools: list[Any] = [engine.pool for engine in database.engines]
        units, readers = pools
    assert (units.size(), units._max_overflow, units._recycle, units._timeout) == (2, 1, 60, 3)
    assert (readers.size(), readers._max_overflow) == (4, 0)


@only(*SERVERS)
async def test_a_connection_older_than_pool_recycle_is_replaced(url: str) -> None:
    async with Database(url, pool_size=1, max_overflow=0, pool_recycle=1) as database:
        first = await who(database)
        await asyncio.sleep(1.01)
        assert await who(database) != first


async def test_no_parameter_of_a_statement_is_in_an_error_or_its_cause(db: Database) -> None:
    with pytest.raises(e.InvalidStatement) as caught:
        async with db.session() as session:
            await session.execute(text("SELECT :v FROM missing"), {"v": "Zq7-hush"})
    assert "Zq7-hush" not in f"{caught.value} {caught.value.__cause__}"


async def test_a_table_is_looked_for_without_an_error_and_without_harm(db: Database) -> None:
    """SQLAlchemy asks MySQL whether a table is there with a statement that fails if not."""
    async with db.session() as session:
        connection = await session.connection()
        missing = await connection.run_sync(lambda sync: sync.dialect.has_table(sync, "missing"))
        assert not missing
        await session.execute(text("SELECT 1"))


@only("aiosqlite", "asyncpg")
async def test_many_rows_and_bare_statements_have_the_limit_too(url: str) -> None:
    async with Database(url, statement_timeout=5) as database, database.session() as session:
        connection = await session.connection()
        await connection.exec_driver_sql("CREATE TABLE n (i INTEGER)")
        insert = text("INSERT INTO n VALUES (:i)")
        await session.execute(insert, [{"i": number} for number in range(3)])
        count = await connection.exec_driver_sql(
            "SELECT count(*) FROM n", execution_options={"no_parameters": True}
        )
        assert count.scalar() == 3


@only(*SERVERS)
async def test_statements_without_a_limit_run(url: str) -> None:
    async with Database(url, statement_timeout=None) as database, database.session() as session:
        assert (await session.execute(text("SELECT 1"))).scalar() == 1


@only("aiomysql")
async def test_a_close_at_which_the_driver_fails_leaves_no_socket_open(url: str) -> None:
    async with Database(url, pool_size=1, max_overflow=0) as database:
        async with database.session() as session:
            connection = await (await session.connection()).get_raw_connection()
            driver: Any = connection.driver_connection
        transport = driver._writer.transport
        # As when the server resets the connection while COM_QUIT is sent.
        driver._reader.set_exception(ConnectionResetError("gone"))
    assert driver.closed
    assert transport.is_closing()
