"""The reference page is made from the operator table, and up to date."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from colonnade.filters import OPERATORS

ROOT = Path(__file__).parents[2]


def test_the_reference_page_has_the_tables_that_the_operators_make() -> None:
    command = [sys.executable, "scripts/lookups.py", "--check"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, f"run scripts/lookups\n{answer.stderr}"


@pytest.mark.parametrize(
    ("operator", "kind", "schema"),
    [
        ("eq", int, {"type": "integer"}),
        ("gte", date, {"type": "string", "format": "date"}),
        ("in", int, {"type": "array", "items": {"type": "integer"}}),
        ("isnull", int, {"type": "boolean"}),
        ("is", bool, {"anyOf": [{"type": "boolean"}, {"type": "null"}]}),
        ("icontains", str, {"type": "string"}),
        ("match", str, {"type": "string"}),
        ("has_key", Any, {"type": "string"}),
        ("overlap", list[str], {"type": "array", "items": {"type": "string"}}),
        ("includes", Any, {"type": "array", "items": {}}),
    ],
)
def test_an_operand_reads_in_openapi_as_what_it_is(
    operator: str, kind: Any, schema: dict[str, Any]
) -> None:
    assert OPERATORS[operator].json_schema(kind) == schema


def test_a_pair_has_two_items() -> None:
    schema = OPERATORS["between"].json_schema(int)
    assert (schema["type"], schema["minItems"], schema["maxItems"]) == ("array", 2, 2)


def test_every_operator_says_in_one_line_what_holds() -> None:
    for item in OPERATORS.values():
        assert item.summary
        assert "|" not in item.summary
        assert "\n" not in item.summary
