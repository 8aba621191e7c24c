"""The repository itself: nothing in it belongs to one machine, and its parts agree."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
FOREIGN = re.compile(
    r"pypi[.]org|pythonhosted[.]org|npmjs[.]org"  # a registry's host
    r"|--(?:extra-)?index-url|--find-links"
    r"|(?<![\w.])/(?:root|work|home|Users|opt)/"  # a path of somebody's machine
)


@pytest.fixture(scope="module")
def files() -> list[Path]:
    """The checkout's files: those in git, and those that would be added next."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a checkout")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for name in listing.split("\0") if name and (path := ROOT / name).is_file()]


def test_no_file_names_a_registry_host_or_a_machines_path(files: list[Path]) -> None:
    found = {
        str(path.relative_to(ROOT)): match.group()
        for path in files
        if path.name != Path(__file__).name
        and (match := FOREIGN.search(path.read_text(encoding="utf-8", errors="replace")))
    }
    assert found == {}


def test_no_lock_file_is_kept(files: list[Path]) -> None:
    assert not {path.name for path in files} & {"uv.lock", "poetry.lock", "Pipfile.lock"}


def test_every_direct_dependency_is_pinned_for_development() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project, groups = settings["project"], settings["dependency-groups"]
    extras = project["optional-dependencies"]
    peers = groups.pop("bench")
    assert direct(project["dependencies"], *extras.values(), *groups.values()) <= pinned("dev")
    served = (extras[name] for name in ("postgresql", "mysql", "fastapi", "cli", "demo"))
    assert direct(project["dependencies"], *served, peers) <= pinned("bench")
    served = (extras[name] for name in ("postgresql", "mysql", "fastapi", "cli", "demo"))
    assert direct(project["dependencies"], *served) <= pinned("demo")


def test_the_demo_installs_nothing_to_test_or_check_with() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    assert not direct(groups["test"], groups["lint"]) - {"anyio"} & pinned("demo")


def test_the_demo_runs_in_versions_that_are_tested() -> None:
    pins = {
        name: set(re.findall(r"^[\w.-]+==[^\s;]+", text, re.MULTILINE))
        for name in ("demo", "dev")
        if (text := (ROOT / "requirements" / f"{name}.txt").read_text())
    }
    assert pins["demo"] <= pins["dev"]


def test_the_changelog_knows_the_version() -> None:
    version = importlib.metadata.version("colonnade")
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text()


def direct(*lists: list[Any]) -> set[str]:
    """What lists of requirements name, but Colonnade itself and other lists."""
    names = (item for requirements in lists for item in requirements if isinstance(item, str))
    return {normalised(name) for name in names} - {"colonnade"}


def pinned(name: str) -> set[str]:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    pins = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert all(re.match(r"[\w.-]+==\S+( ; .+)?$", pin) for pin in pins)
    return {normalised(pin) for pin in pins}


def normalised(requirement: str) -> str:
    """Reduce ``Psycopg[binary]>=3.3`` to ``psycopg``."""
    name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()
