from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from colonnade.cli import demo
from colonnade.cli.ending import CommandFailure


def test_an_example_that_is_nowhere_sends_the_reader_to_a_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "_PLACES", (tmp_path,))
    with pytest.raises(CommandFailure, match="scripts/demo in a checkout"):
        demo.import_example("flights", "app")


def test_the_first_place_that_has_the_example_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "there" / "sample"
    package.mkdir(parents=True)
    (package / "app.py").write_text("name = 'sample'")
    monkeypatch.setattr(demo, "_PLACES", (tmp_path / "nowhere", tmp_path / "there"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert demo.import_example("sample", "app").app.name == "sample"
    assert demo.import_example("sample", "app").app.name == "sample"
    assert sys.path.count(str(tmp_path / "there")) == 1


@pytest.mark.parametrize("missing", ["fastapi", "uvicorn"])
def test_what_the_example_needs_and_is_not_installed_is_named(missing: str) -> None:
    source = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from colonnade.cli import main; sys.argv[1:] = ['demo', '--port', '0']; main()"
    )
    answer = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 1
    assert answer.stderr == (
        f'colonnade: {missing} is not installed: pip install "colonnade[demo]"\n'
    )
