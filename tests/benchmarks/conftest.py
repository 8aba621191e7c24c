"""What the tests of benchmarks/ share: its modules on the path. None of them needs a peer."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
