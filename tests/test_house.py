"""What ``scripts/house`` measures, as far as it is a rule."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
WALKS = ("lookup to SQL", "rows to JSON", "create to INSERT", "GET by crud_router")


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    command = [sys.executable, str(ROOT / "scripts" / "house.py"), "--json"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    figures: dict[str, Any] = json.loads(answer.stdout)
    return figures


def test_no_room_uses_what_is_private_in_another(figures: dict[str, Any]) -> None:
    assert figures["private uses across rooms"] == 0


@pytest.mark.parametrize("walk", WALKS)
def test_a_walk_is_measured_and_visits_several_modules(figures: dict[str, Any], walk: str) -> None:
    assert figures["walks"].keys() == {*WALKS}
    assert 1 < figures["walks"][walk]["modules"] <= figures["walks"][walk]["hops"] + 1


def test_every_module_and_every_import_is_counted(figures: dict[str, Any]) -> None:
    count = sum(1 for _ in (ROOT / "src" / "colonnade").rglob("*.py"))
    assert figures["modules"] == count
    assert figures["imports"] > count
