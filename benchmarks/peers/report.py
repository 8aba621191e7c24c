"""What a run says: lines on the terminal, and a summary to keep."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from statistics import median, quantiles
from typing import Any, Final

from peers.clock import Measures
from peers.targets import verdicts
from peers.workloads import WORKLOADS, compare_durations

__all__ = ["Measured", "print_targets", "print_workload", "summary"]

#: By database, workload and contestant: what each turn measured, in the workload's unit.
Measured = dict[str, dict[str, Measures]]

_PACKAGES: Final = (
    "sqlalchemy",
    "sqlmodel",
    "pydantic",
    "fastapi",
    "uvicorn",
    "asyncpg",
    "aiosqlite",
    "advanced-alchemy",
    "fastcrud",
)


def print_workload(database: str, name: str, measures: Measures) -> None:
    """Print medians, how far the middle half of the turns is apart, and ratios to our ways."""
    workload = WORKLOADS[name]
    ours = [one for one in measures if one.startswith("Colonnade")]
    print(f"\n{database}: {workload.title}")
    heads = "".join(f"{'÷ ' + one.split(', ')[1]:>16}" for one in ours)
    print(f"  {'':<29}{workload.unit:>12}{'±':>6}{heads}")
    for one, turns in measures.items():
        ratios = "".join(f"{compare_durations(name, measures, one, our):>16.2f}" for our in ours)
        print(f"  {one:<29}{median(turns):>12,.3f}{_spread(turns):>6.0%}{ratios}")


def print_targets(measured: Measured) -> None:
    """Print each target that something was measured for, and why it is not met."""
    found = list(verdicts(measured))
    if found:
        print("\ntargets")
    for verdict in found:
        print(f"  {verdict}")
        if not verdict.met:
            print(f"      {verdict.target.why or 'say why in benchmarks/peers/targets.py'}")


def summary(measured: Measured) -> dict[str, Any]:
    """Return the figures, what was compared and whether the targets are met."""
    return {
        "when": datetime.now(UTC).strftime("%Y-%m-%d"),
        "python": platform.python_version(),
        # Fifteen minutes of it: a busy machine brings all ratios nearer to each other.
        "load": round(os.getloadavg()[2], 1),
        "cores": os.cpu_count(),
        "packages": {name: version(name) for name in _PACKAGES},
        "units": "medians, in the unit of benchmarks/peers/workloads.py; ratios are medians, too",
        "medians": {
            database: {
                workload: {name: round(median(turns), 3) for name, turns in measures.items()}
                for workload, measures in workloads.items()
            }
            for database, workloads in measured.items()
        },
        "targets": [
            {
                "database": verdict.target.database,
                "workload": verdict.target.workload,
                "ours": verdict.target.ours,
                "theirs": verdict.theirs,
                "ratio": round(verdict.ratio, 3),
            }
            for verdict in verdicts(measured)
        ],
    }


def _spread(turns: list[float]) -> float:
    """Return half the distance between the quartiles, as a part of the median."""
    if len(turns) < 2:
        return 0.0
    low, middle, high = quantiles(turns, n=4)
    return (high - low) / 2 / middle
