from __future__ import annotations

import json
from typing import Any

import pytest

import record
from peers import plot
from peers.targets import TARGETS

PAGE = "before\n<!-- peers -->\nold\n<!-- end of peers -->\nafter\n"
EXPLAINED = next(target for target in TARGETS if target.why)


@pytest.fixture
def section() -> dict[str, Any]:
    missed = -0.5 if EXPLAINED.faster else 0.5
    return {
        "when": "2026-01-01",
        "python": "3.11",
        "load": 0.1,
        "cores": 2,
        "packages": {"asyncpg": "1"},
        "medians": {
            "sqlite": {
                "get": {"aiosqlite, rows": 0.5, "Colonnade, .json": 1234.4},
                "get_4": {"aiosqlite, rows": 4000.0},
            }
        },
        "targets": [
            {
                "database": EXPLAINED.database,
                "workload": EXPLAINED.workload,
                "ours": EXPLAINED.ours,
                "theirs": EXPLAINED.theirs[0],
                "ratio": EXPLAINED.bound + missed,
            }
        ],
    }


def test_the_page_and_the_picture_show_the_figures_that_the_file_keeps() -> None:
    kept = json.loads((record.DOCS / "benchmarks.json").read_text("utf-8"))
    page = (record.DOCS / "benchmarks.md").read_text("utf-8")
    assert record.render(page, kept) == page
    picture = (record.DOCS / "benchmarks.svg").read_text("utf-8")
    assert plot.render(kept["peers"]["medians"]) == picture


def test_what_stands_outside_of_the_marks_stays(section: dict[str, Any]) -> None:
    page = record.render(PAGE, {"peers": section})
    assert page.startswith("before\n<!-- peers -->\n")
    assert page.endswith("<!-- end of peers -->\nafter\n")
    assert "old" not in page


def test_each_kind_of_workload_has_a_table_of_its_own(section: dict[str, Any]) -> None:
    page = record.render(PAGE, {"peers": section})
    assert "Reads, milliseconds:\n\n|  | by key |\n|---|---|\n| aiosqlite, rows | 0.5 |" in page
    assert "| Colonnade, .json | 1,234 |" in page
    assert "|  | 4 |\n|---|---|\n| aiosqlite, rows | 4,000 |" in page
    assert "Writes" not in page


def test_a_target_that_is_not_met_says_why(section: dict[str, Any]) -> None:
    assert f"| NOT MET: {EXPLAINED.why} |" in record.render(PAGE, {"peers": section})


def test_a_ratio_whose_target_is_gone_is_not_shown(section: dict[str, Any]) -> None:
    section["targets"][0]["theirs"] = "nobody"
    assert "NOT MET" not in record.render(PAGE, {"peers": section})
