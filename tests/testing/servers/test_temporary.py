"""Private servers of both kinds: started, stopped, killed, frozen, and gone without a trace."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from colonnade.testing.plugin import find_or_skip
from colonnade.testing.servers import (
    MariaDBServer,
    PostgreSQLServer,
    Server,
    TemporaryMariaDB,
    TemporaryPostgreSQL,
    TemporaryServer,
)

KINDS: dict[str, Callable[..., TemporaryServer]] = {
    "postgresql": TemporaryPostgreSQL,
    "mariadb": TemporaryMariaDB,
}
SHARED: dict[str, Callable[[str], Server]] = {
    "postgresql": PostgreSQLServer,
    "mariadb": MariaDBServer,
}


@pytest.fixture(params=KINDS)
def new_server(request: pytest.FixtureRequest) -> Callable[..., TemporaryServer]:
    """The class of one kind of private server, if it can be started here."""
    kind: str = request.param
    find_or_skip(kind, KINDS[kind])
    return KINDS[kind]


def rows(server: Server) -> int:
    return int(server.execute("SELECT count(*) FROM kept")[0][0])


def test_a_private_server_can_be_stopped_killed_and_restarted(
    new_server: Callable[..., TemporaryServer],
) -> None:
    with new_server(max_connections=17) as server:
        directory, first = server.directory, server.pid
        setting = {"postgresql": "SHOW max_connections", "mariadb": "SELECT @@max_connections"}
        assert int(server.execute(setting[server.kind])[0][0]) == 17
        server.execute("CREATE DATABASE elsewhere")

        server.kill()
        assert not server.running
        assert server.unreachable() is not None
        server.restart()
        assert server.pid != first

        server.stop()
        assert not server.running
        with pytest.raises(RuntimeError, match="not running"):
            server.freeze()
        server.restart()
        server.restart()
        server.execute("DROP DATABASE elsewhere")
        last = server.pid
    assert not directory.exists()
    assert not alive(last)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_killed_server_lost_nothing_it_acknowledged(private_server: TemporaryServer) -> None:
    url = private_server.create_database()
    server = SHARED[private_server.kind](url)
    server.execute("CREATE TABLE kept (id INTEGER PRIMARY KEY)")
    server.execute("INSERT INTO kept VALUES (1)")
    private_server.kill()
    private_server.restart()
    assert rows(server) == 1


def test_a_frozen_server_answers_nothing_and_goes_on_when_it_thaws(
    private_server: TemporaryServer,
) -> None:
    private_server.freeze()
    assert "TimeoutError" in str(private_server.unreachable())
    private_server.thaw()
    assert private_server.unreachable() is None


def test_a_frozen_server_can_be_ended(new_server: Callable[..., TemporaryServer]) -> None:
    with new_server() as server:
        directory = server.directory
        server.freeze()
        begun = time.monotonic()
    assert time.monotonic() - begun < 5
    assert not directory.exists()


@pytest.fixture
def temporary_files(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files that the servers' user may enter, which tmp_path is not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        monkeypatch.setattr(tempfile, "tempdir", name)
        yield Path(name)


def test_a_server_that_cannot_start_says_why_and_leaves_nothing(
    new_server: Callable[..., TemporaryServer], temporary_files: Path
) -> None:
    server = new_server(no_such_setting=1)
    with pytest.raises(RuntimeError, match=r"did not start(?s:.*)no.such.setting"):
        server.__enter__()
    assert list(temporary_files.iterdir()) == []


ABANDON = """
import os, sys
from colonnade.testing import TemporaryMariaDB, TemporaryPostgreSQL
server = {"postgresql": TemporaryPostgreSQL, "mariadb": TemporaryMariaDB}[sys.argv[1]]()
server.__enter__()
print(server.pid, server.directory, flush=True)
os.kill(os.getpid(), 9)
"""


def test_a_killed_test_run_leaves_no_server_behind(
    new_server: Callable[..., TemporaryServer],
) -> None:
    command = [sys.executable, "-c", ABANDON, new_server().kind]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == -9, ended.stderr
    pid, directory = ended.stdout.split()
    deadline = time.monotonic() + 15
    while Path(directory).exists() or running(int(pid)):
        assert time.monotonic() < deadline, "the server or its directory is still there"
        time.sleep(0.1)


def running(pid: int) -> bool:
    """Whether the process runs; one that ended and was not collected does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def test_a_server_can_be_asked_from_inside_a_loop(private_server: TemporaryServer) -> None:
    assert asyncio.get_running_loop().is_running()
    with private_server.temporary_database() as url:
        assert url.rpartition("/")[2].startswith("colonnade_test_")
