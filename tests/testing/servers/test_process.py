"""Server processes as a family: signalled together, ended for certain, watched over."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from colonnade.testing.servers.process import (
    Account,
    ServerProcess,
    process_family,
    run_command,
    service_account,
)

PARENT = "sleep 60 & sleep 60 & echo ready; wait"


def started(tmp_path: Path, script: str) -> ServerProcess:
    log = tmp_path / "log"
    process = ServerProcess(("sh", "-c", script), Account(), tmp_path, log)
    deadline = time.monotonic() + 5
    while "ready" not in log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return process


def state(pid: int) -> str:
    """The process's state as one letter; Z, ended and not collected, for one that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "Z"


def reaches(pids: list[int], wanted: str) -> bool:
    deadline = time.monotonic() + 5
    while not all(state(pid) in wanted for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_a_signal_reaches_the_children_too(tmp_path: Path) -> None:
    process = started(tmp_path, PARENT)
    members = process_family(process.pid)
    assert len(members) == 3
    process.signal(signal.SIGSTOP)
    assert reaches(members, "T")
    process.signal(signal.SIGCONT)
    assert reaches(members, "SR")
    process.kill()
    assert not process.running
    assert reaches(members, "Z")


def test_one_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    process = started(tmp_path, "trap '' TERM; echo ready; while :; do sleep 1; done")
    process.end(signal.SIGTERM, patience=0.2)
    assert not process.running


def test_a_failing_command_is_quoted_with_its_output(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"sh ended with 3: out of order"):
        run_command(("sh", "-c", "echo out of order >&2; exit 3"), Account(), tmp_path)


def test_root_becomes_the_first_account_that_exists() -> None:
    account = service_account("no-such-user", "nobody")
    if os.getuid() != 0:
        assert account == Account()
    else:
        assert account.name == "nobody"
        assert account.groups == []


def test_another_user_stays_who_he_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    account = service_account("nobody")
    assert account == Account()
    assert account.groups is None


def test_our_own_account_changes_no_owner(tmp_path: Path) -> None:
    before = tmp_path.stat().st_uid
    Account().own(tmp_path)
    assert tmp_path.stat().st_uid == before
