"""The proxy's faults, in front of real servers and behind real drivers."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from colonnade.testing import Proxy, commits, sends

DRIVERS = {"postgresql": "postgresql+asyncpg", "mariadb": "mariadb+aiomysql"}
BROKEN = (DBAPIError, OSError)


def engine_at(url: str) -> AsyncEngine:
    address = make_url(url)
    return create_async_engine(
        address.set(drivername=DRIVERS[address.drivername]), poolclass=NullPool
    )


@pytest.fixture
async def direct(server_url: str) -> AsyncIterator[AsyncEngine]:
    """An engine that goes to the server without the proxy."""
    engine = engine_at(server_url)
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE note (id INTEGER PRIMARY KEY)"))
    yield engine
    await engine.dispose()


@pytest.fixture
async def proxy(server_url: str) -> AsyncIterator[Proxy]:
    async with Proxy.to(server_url) as proxy:
        yield proxy


@pytest.fixture
async def through(server_url: str, proxy: Proxy) -> AsyncIterator[AsyncEngine]:
    """An engine that goes to the same database through the proxy."""
    engine = engine_at(proxy.url(server_url))
    yield engine
    await engine.dispose()


async def ask(connection: AsyncConnection) -> int:
    return int((await connection.execute(text("SELECT count(*) FROM note"))).scalar_one())


async def add(connection: AsyncConnection) -> None:
    await connection.execute(text("INSERT INTO note (id) VALUES (1)"))


async def stays_silent(waiting: Awaitable[object]) -> bool:
    done, _ = await asyncio.wait([asyncio.ensure_future(waiting)], timeout=0.2)
    return not done


async def test_what_passes_is_unchanged(direct: AsyncEngine, through: AsyncEngine) -> None:
    async with through.connect() as connection:
        long = "x" * 300_000
        answer = await connection.execute(text("SELECT :value"), {"value": long})
        assert answer.scalar_one() == long


async def test_a_refused_connection_fails_and_open_ones_go_on(
    direct: AsyncEngine, through: AsyncEngine, proxy: Proxy
) -> None:
    async with through.connect() as connection:
        await ask(connection)
        proxy.refuse()
        with pytest.raises(BROKEN):
            async with through.connect():
                pass
        assert await ask(connection) == 0
    await proxy.listen()
    async with through.connect() as connection:
        assert await ask(connection) == 0


async def test_a_frozen_way_answers_nothing_until_it_thaws(
    direct: AsyncEngine, through: AsyncEngine, proxy: Proxy
) -> None:
    async with through.connect() as connection:
        await ask(connection)
        proxy.freeze()
        answer = asyncio.create_task(ask(connection))
        assert await stays_silent(asyncio.shield(answer))
        assert proxy.connections == 1
        proxy.thaw()
        assert await answer == 0


async def test_a_frozen_way_leaves_new_connections_waiting(
    direct: AsyncEngine, through: AsyncEngine, proxy: Proxy
) -> None:
    async def connect() -> int:
        async with through.connect() as connection:
            return await ask(connection)

    proxy.freeze()
    answer = asyncio.create_task(connect())
    assert await stays_silent(asyncio.shield(answer))
    proxy.thaw()
    assert await answer == 0


async def test_a_cut_breaks_open_connections_and_lets_new_ones_in(
    direct: AsyncEngine, through: AsyncEngine, proxy: Proxy
) -> None:
    async with through.connect() as connection:
        await ask(connection)
        proxy.cut()
        with pytest.raises(BROKEN):
            await ask(connection)
        await connection.invalidate()
    async with through.connect() as connection:
        assert await ask(connection) == 0


async def test_a_delay_holds_each_direction(
    direct: AsyncEngine, through: AsyncEngine, proxy: Proxy
) -> None:
    async with through.connect() as connection:
        await ask(connection)
        proxy.delay(0.1)
        begun = time.monotonic()
        await ask(connection)
        assert time.monotonic() - begun >= 0.2


async def test_a_cut_before_commit_keeps_it_from_the_server(
    direct: AsyncEngine, through: AsyncEngine, proxy: Proxy
) -> None:
    async with through.connect() as connection:
        await add(connection)
        proxy.cut_before(commits)
        with pytest.raises(BROKEN):
            await connection.commit()
        await asyncio.wait_for(proxy.happened(), 5)
        await connection.invalidate()
    async with direct.connect() as connection:
        assert await ask(connection) == 0


async def test_a_cut_after_commit_hides_what_the_server_did(
    direct: AsyncEngine, through: AsyncEngine, proxy: Proxy
) -> None:
    async with through.connect() as connection:
        await add(connection)
        proxy.cut_after(commits)
        with pytest.raises(BROKEN):
            await connection.commit()
        await asyncio.wait_for(proxy.happened(), 5)
        await connection.invalidate()
    async with direct.connect() as connection:
        assert await ask(connection) == 1


async def test_a_cut_happens_once(direct: AsyncEngine, through: AsyncEngine, proxy: Proxy) -> None:
    proxy.cut_before(commits)
    for expected in (0, 1):
        async with through.connect() as connection:
            await add(connection)
            if expected:
                await connection.commit()
            else:
                with pytest.raises(BROKEN):
                    await connection.commit()
                await connection.invalidate()
        async with direct.connect() as connection:
            assert await ask(connection) == expected


async def test_a_server_that_is_gone_is_a_broken_connection() -> None:
    async with Proxy("127.0.0.1", 1) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()


async def test_the_block_ends_with_open_and_frozen_connections(
    server_url: str, direct: AsyncEngine
) -> None:
    async with Proxy.to(server_url) as proxy:
        _, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        await asyncio.sleep(0.1)
        assert proxy.connections == 1
        proxy.freeze()
        writer.write(b"\0")
    writer.close()
    assert proxy.connections == 0
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", proxy.port)


def test_the_port_has_a_default_for_each_kind_of_server() -> None:
    assert Proxy.to("postgresql://localhost/x")._target == ("localhost", 5432)
    assert Proxy.to("mariadb:///x")._target == ("127.0.0.1", 3306)


def test_a_message_is_known_in_both_protocols() -> None:
    assert commits(b"Q\0\0\0\x0cCOMMIT;\0")
    assert commits(b"\x07\0\0\0\x03COMMIT")
    assert sends("update note")(b"Q\0\0\0\x20UPDATE note SET x = 1\0")
    assert not commits(b"Q\0\0\0\x0cROLLBACK;\0")
    assert not commits(b"\x01\0\0\0\x03COMMITTED")
    assert not commits(b"")
