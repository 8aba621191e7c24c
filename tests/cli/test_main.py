from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.cli.conftest import Command


def test_the_help_lists_the_commands(colonnade: Command) -> None:
    answer = colonnade("--help")
    assert answer.returncode == 0
    assert "demo" in answer.stdout


def test_an_option_that_is_none_is_a_mistake_of_usage(colonnade: Command) -> None:
    answer = colonnade("demo", "--prot", "1")
    assert answer.returncode == 2
    assert "--port" in answer.stderr


def test_without_typer_the_command_names_the_extra() -> None:
    source = "import sys; sys.modules['typer'] = None\nfrom colonnade.cli import main; main()"
    answer = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 1
    assert answer.stderr == (
        'colonnade: the command line needs more: pip install "colonnade[cli]"\n'
    )
