"""Start the processes of a private server, signal all of them, and end them.

A watcher process reads from a pipe to this process. When this process ends, in whatever way, the
pipe closes. Then the watcher ends the server and removes its directory, so that a test run that was
interrupted or killed leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Account", "ServerProcess", "process_family", "run_command", "service_account"]

_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C", "TZ": "UTC"}

# A stopped process handles SIGQUIT only after SIGCONT.  The wait has a limit because a process
# whose parent died stays visible until somebody collects it.
_WATCH = """
cat >/dev/null
kill -QUIT "$1" 2>/dev/null; kill -CONT "$1" 2>/dev/null
tries=0
while kill -0 "$1" 2>/dev/null && [ $tries -lt 60 ]; do sleep 0.1; tries=$((tries + 1)); done
kill -KILL "$1" 2>/dev/null
rm -rf "$2"
"""


@dataclass(frozen=True)
class Account:
    """The user that a server runs as, by default our own; servers refuse to run as root."""

    name: str | None = None
    uid: int | None = None
    gid: int | None = None

    @property
    def groups(self) -> list[int | str] | None:
        """The supplementary groups: none for another user, ``None`` to keep our own."""
        return None if self.uid is None else []

    def own(self, place: Path) -> None:
        """Give the file or folder to this user."""
        if self.uid is not None:
            shutil.chown(place, self.uid, self.gid)


def service_account(*names: str) -> Account:
    """Return the first of these users that exists if we are root; otherwise our own."""
    if os.getuid() != 0:
        return Account()
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = next(known[name] for name in (*names, "nobody") if name in known)
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def run_command(command: Sequence[str | Path], account: Account, directory: Path) -> None:
    """Run a command to its end. Raise ``RuntimeError`` with its output if it fails."""
    finished = subprocess.run(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=directory,
        env=_ENVIRONMENT,
        user=account.uid,
        group=account.gid,
        extra_groups=account.groups,
        check=False,
    )
    if finished.returncode:
        output = finished.stdout.decode(errors="replace")[-2000:]
        raise RuntimeError(f"{command[0]} ended with {finished.returncode}: {output}")


def process_family(pid: int) -> list[int]:
    """Return the process and its direct children; without a /proc the process alone."""
    members = [pid]
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name, in parentheses, may hold anything; state and parent follow the last one.
            parent = stat.read_text(errors="replace").rpartition(")")[2].split()[1]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(parent) == pid:
            members.append(int(stat.parent.name))
    return members


class ServerProcess:
    """The processes of a running server: the main one and its children."""

    def __init__(
        self, command: Sequence[str | Path], account: Account, directory: Path, log: Path
    ) -> None:
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=directory,
                env=_ENVIRONMENT,
                user=account.uid,
                group=account.gid,
                extra_groups=account.groups,
                # Ctrl-C in the terminal is for the tests, which stop the server in order.
                start_new_session=True,
            )
        self._watcher = subprocess.Popen(
            ["sh", "-c", _WATCH, "watch", str(self.pid), str(directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The id of the main process."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """True if the main process runs."""
        return self._process.poll() is None

    def signal(self, number: int) -> None:
        """Send a signal to the main process and all of its children."""
        # Stopped first, the main process forks nobody behind our back.
        self._process.send_signal(signal.SIGSTOP)
        for pid in reversed(process_family(self.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def end(self, number: int, patience: float = 10.0) -> None:
        """Signal the main process and wait for its end; after ``patience`` seconds, SIGKILL."""
        self._process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(patience)
        self.kill()

    def kill(self) -> None:
        """End the whole family at once, as a crash would; an ended one is just seen off."""
        if self.running:
            self.signal(signal.SIGKILL)
        self._process.wait()
        self._watcher.kill()
        # The watcher's own child ends with the pipe.
        if self._watcher.stdin is not None:
            self._watcher.stdin.close()
        self._watcher.wait()
