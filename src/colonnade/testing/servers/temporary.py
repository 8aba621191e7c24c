"""Run a private server in a directory of its own, which tests may stop, kill and freeze."""

from __future__ import annotations

import shutil
import signal
import socket
import tempfile
import time
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar, Self

from colonnade.testing.servers.process import Account, ServerProcess, service_account
from colonnade.testing.servers.server import Server

__all__ = ["TemporaryServer"]

_ATTEMPTS = 5
_STARTUP = 30.0


class TemporaryServer(Server):
    """A server that starts on entering the block and is gone, with its data, at the end.

    ``settings`` are the server's own.  The port stays the same over ``restart``.  A process that
    is killed loses nothing it acknowledged: commits reach the operating system, not the disk.
    """

    accounts: ClassVar[tuple[str, ...]]
    stop_signal: ClassVar[int]
    _at: ClassVar[str]

    def __init__(self, **settings: str | int) -> None:
        super().__init__("", "private")
        self.settings = settings
        self.port = 0
        self._process: ServerProcess | None = None

    @abstractmethod
    def _prepare(self, directory: Path, account: Account) -> None:
        """Make the data directory under ``directory``."""

    @abstractmethod
    def _command(self) -> Sequence[str | Path]:
        """Return the command that runs the server on ``port``, in the foreground."""

    @property
    def directory(self) -> Path:
        """The directory of the server's data and log."""
        return self._directory

    @property
    def running(self) -> bool:
        """True if the main process runs, also if it is frozen."""
        return self._process is not None and self._process.running

    @property
    def pid(self) -> int:
        """The id of the main process."""
        return self._running().pid

    def __enter__(self) -> Self:
        self._directory = Path(tempfile.mkdtemp(prefix="colonnade-server-"))
        try:
            self._account = service_account(*self.accounts)
            self._account.own(self._directory)
            self._prepare(self._directory, self._account)
            # Another process may take the port between our look and the server's bind.
            self._start_on(_free_port() for _ in range(_ATTEMPTS))
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def stop(self) -> None:
        """Shut down in order, ending the clients' connections; the data stays for ``restart``."""
        self._running().end(self.stop_signal)

    def kill(self) -> None:
        """End every process of the server at once with SIGKILL; the data stays for ``restart``."""
        self._running().kill()

    def restart(self) -> None:
        """Start again on the same port and data, after ``stop`` where still running."""
        if self.running:
            self.stop()
        # The port and the memory of the process before may not be free at once.
        self._start_on([self.port] * _ATTEMPTS)

    def freeze(self) -> None:
        """Stop every process with SIGSTOP: connections stay open and nothing answers."""
        self._running().signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        self._running().signal(signal.SIGCONT)

    def close(self) -> None:
        """End the server in whatever state it is and remove its directory."""
        if self._process is not None:
            self._process.kill()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _running(self) -> ServerProcess:
        if self._process is None or not self._process.running:
            raise RuntimeError(f"the {self.kind} server is not running; start it with restart()")
        return self._process

    def _start_on(self, ports: Iterable[int]) -> None:
        """Start on the first of the ports that works."""
        failure = RuntimeError("no port was given")
        for self.port in ports:
            self.url = self._at.format(port=self.port)
            try:
                self._start()
                return
            except RuntimeError as error:
                failure = error
                time.sleep(0.2)
        raise failure

    def _start(self) -> None:
        log = self._directory / "log"
        self._process = ServerProcess(self._command(), self._account, self._directory, log)
        deadline = time.monotonic() + _STARTUP
        while (reason := self.unreachable()) is not None:
            if not self._process.running or time.monotonic() > deadline:
                tail = log.read_text(errors="replace")[-2000:]
                self._process.kill()
                raise RuntimeError(f"the {self.kind} server did not start: {reason}\n{tail}")
            time.sleep(0.02)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
