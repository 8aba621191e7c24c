"""What clients ask makes a process grow to a bound and no further."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

#: What ten thousand shapes may add to a process: 30 are seen, and 60 without bounds.
MEGABYTES = 45
#: Statements that an engine keeps.
STATEMENTS = 512


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_ten_thousand_shapes_leave_a_process_as_large_as_some_hundred(
    kind: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue(f"{kind}_url")
    told = subprocess.run(
        [sys.executable, "-m", "tests.growth", url],
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
