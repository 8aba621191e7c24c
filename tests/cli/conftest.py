"""What the tests of the commands share: the command in a process of its own, and its data."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from tests import skies

COMMAND = (sys.executable, "-W", "error", "-c", "from colonnade.cli import main; main()")

Command: TypeAlias = Callable[..., "subprocess.CompletedProcess[str]"]
Start: TypeAlias = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="session")
def sky(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return skies.write(tmp_path_factory.mktemp("sky"))


@pytest.fixture
def colonnade(tmp_path: Path) -> Command:
    """Run the command in an empty folder and wait for its end."""

    def run(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [*COMMAND, *map(str, arguments)]
        return subprocess.run(
            command,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **options,
        )

    return run


@pytest.fixture
def start(tmp_path: Path) -> Generator[Start]:
    """Start the command in an empty folder; it ends with the test at the latest."""
    started: list[subprocess.Popen[str]] = []

    def begin(*arguments: str | Path) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()
