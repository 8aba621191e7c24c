"""PostgreSQL behind PgBouncer in transaction mode, where every unit may get another connection."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import tempfile
import time
from collections import Counter as Tally
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url, text
from tests.faults.child import start
from tests.faults.conftest import fill
from tests.faults.ground import Witness, open_at

from colonnade.errors import StatementTimeout
from colonnade.testing.plugin import find_or_skip
from colonnade.testing.servers import ServerNotFound
from colonnade.testing.servers.process import ServerProcess, service_account

SERVER_CONNECTIONS = 4

CONFIGURATION = """
[databases]
* = host={host} port={port} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own_port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 200
ignore_startup_parameters = extra_float_digits
server_tls_sslmode = disable
"""


def binary() -> Path:
    found = shutil.which(
        "pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
    )
    if found is None:
        raise ServerNotFound("pgbouncer is not installed; the system's package has its name")
    return Path(found)


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@pytest.fixture
def bouncer_url(postgresql_url: str) -> Iterator[str]:
    """The URL of the test's database through a PgBouncer of its own."""
    program, address = find_or_skip("pgbouncer", binary), make_url(postgresql_url)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    account = service_account("postgres")
    directory = Path(tempfile.mkdtemp(prefix="colonnade-pgbouncer-"))
    configuration = directory / "pgbouncer.ini"
    configuration.write_text(
        CONFIGURATION.format(
            host=address.host,
            port=address.port or 5432,
            user=address.username,
            own_port=port,
            size=SERVER_CONNECTIONS,
        )
    )
    account.own(directory)
    account.own(configuration)
    process = ServerProcess((program, configuration), account, directory, directory / "log")
    try:
        deadline = time.monotonic() + 10
        while not answers(port):
            assert process.running, (directory / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield address.set(host="127.0.0.1", port=port).render_as_string(hide_password=False)
    finally:
        process.kill()
        shutil.rmtree(directory, ignore_errors=True)


async def test_three_processes_run_1800_of_1800_units_and_leak_no_setting(
    bouncer_url: str, postgresql_url: str
) -> None:
    await fill(postgresql_url)
    processes = [await start("serve", bouncer_url, 600) for _ in range(3)]
    outputs = await asyncio.gather(*(process.communicate() for process in processes))
    assert [process.returncode for process in processes] == [0, 0, 0]
    served = Tally(line for output, _ in outputs for line in output.split())
    assert served == {b"session": 600, b"reader": 600, b"snapshot": 600}
    witness = Witness(postgresql_url)
    assert await witness.rows("SELECT value FROM counter WHERE id = 1") == [(600,)]
    # The bouncer keeps its connections: what a unit had set on one of them would still be there.
    assert len(await witness.backends()) <= SERVER_CONNECTIONS
    seen = "SELECT current_setting('statement_timeout'), current_setting('lock_timeout'), "
    seen += "current_setting('app.pid', true), current_setting('default_transaction_read_only')"
    async with open_at(bouncer_url, pgbouncer=True) as db:
        for _ in range(20):
            async with db.reader() as session:
                timeout, lock, pid, read_only = (await session.execute(text(seen))).one()
            assert (timeout, lock, pid or "", read_only) == ("0", "0", "", "off")


async def test_the_limits_hold_behind_a_bouncer(bouncer_url: str, postgresql_url: str) -> None:
    await fill(postgresql_url)
    async with open_at(bouncer_url, pgbouncer=True, statement_timeout=0.2) as db:
        for _ in range(3):
            with pytest.raises(StatementTimeout):
                async with db.session() as session:
                    await session.execute(text("SELECT pg_sleep(20)"))
        async with db.session(statement_timeout=5) as session:
            await session.execute(text("SELECT pg_sleep(0.3)"))
        with pytest.raises(StatementTimeout):
            async with db.session() as session:
                await session.execute(text("SELECT pg_sleep(20)"))
        assert not db.pool().in_use


async def test_a_databases_isolation_level_passes_a_bouncer_and_stays_with_its_units(
    bouncer_url: str, postgresql_url: str
) -> None:
    await fill(postgresql_url)
    shown = text("SHOW transaction_isolation")
    async with (
        open_at(bouncer_url, pgbouncer=True, isolation="serializable") as strict,
        open_at(bouncer_url, pgbouncer=True) as plain,
    ):
        for _ in range(2 * SERVER_CONNECTIONS):
            async with strict.session() as session:
                assert await session.scalar(shown) == "serializable"
            async with strict.session(isolation="repeatable read") as session:
                assert await session.scalar(shown) == "repeatable read"
            async with plain.session() as session:
                assert await session.scalar(shown) == "read committed"
