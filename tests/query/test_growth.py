"""What clients ask makes a process grow to a bound and no further."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

#: What ten thousand shapes may add to a process: 26 are seen, and more than 50 without bounds.
MEGABYTES = 40
#: Statements that an engine keeps.
STATEMENTS = 512


@pytest.mark.parametrize(("kind", "shapes"), [("sqlite", 10_000), ("postgresql", 3_000)])
def test_a_process_that_answers_thousands_of_shapes_keeps_some_hundred(
    kind: str, shapes: int, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue(f"{kind}_url")
    told = subprocess.run(
        [sys.executable, "-m", "tests.growth", url, str(shapes)],
        cwd=Path(__file__).parents[2],
        check=True,
        capture_output=True,
        text=True,
    )
    found = json.loads(told.stdout)
    assert found["megabytes"] < MEGABYTES
    assert 0 < found["reader"] <= STATEMENTS
    assert 0 < found["session"] <= STATEMENTS
    assert 0 < found["built"] <= 2 * STATEMENTS + STATEMENTS // 2
