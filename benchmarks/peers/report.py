"""In charge of what a run says: lines on the terminal, and a summary to keep."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from peers.http import PATHS
from peers.targets import verdicts

__all__ = ["Measured", "as_milliseconds", "print_targets", "print_workload", "summary"]

#: By database, workload and contestant: milliseconds, or requests a second over HTTP.
Measured = dict[str, dict[str, dict[str, float]]]

_PACKAGES = (
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


def print_workload(database: str, title: str, found: Mapping[str, float], unit: str) -> None:
    """Medians, and how often Colonnade's ways go into each."""
    ours = [name for name in found if name.startswith("Colonnade")]
    print(f"\n{database}: {title}")
    heads = "".join(f"{'÷ ' + name.split(', ')[1]:>16}" for name in ours)
    print(f"  {'':<27}{unit:>12}{heads}")
    for name, value in found.items():
        ratios = "".join(f"{_ratio(value, found[way], unit):>16.2f}" for way in ours)
        print(f"  {name:<27}{value:>12.3f}{ratios}")


def print_targets(measured: Measured) -> None:
    found = list(verdicts(as_milliseconds(measured)))
    if found:
        print("\ntargets")
    for verdict in found:
        print(f"  {verdict}")


def as_milliseconds(measured: Measured) -> Measured:
    """The same with the time that a request takes of the worker, in place of a rate."""
    return {
        database: {
            workload: {
                name: 1000 / value if workload in PATHS else value for name, value in found.items()
            }
            for workload, found in workloads.items()
        }
        for database, workloads in measured.items()
    }


def summary(measured: Measured) -> dict[str, Any]:
    """The figures, what was compared and whether the targets are met."""
    return {
        "when": datetime.now(UTC).strftime("%Y-%m-%d"),
        "python": platform.python_version(),
        # Fifteen minutes of it: a busy machine brings all ratios nearer to each other.
        "load": round(os.getloadavg()[2], 1),
        "cores": os.cpu_count(),
        "packages": {name: version(name) for name in _PACKAGES},
        "units": "medians: milliseconds a call; http_*: requests a second",
        "medians": {
            database: {
                workload: {name: round(value, 3) for name, value in found.items()}
                for workload, found in workloads.items()
            }
            for database, workloads in measured.items()
        },
        "targets": [
            {
                "database": verdict.target.database,
                "workload": verdict.target.workload,
                "ours": verdict.target.ours,
                "wanted": verdict.wanted,
                "ratio": round(verdict.ratio, 2),
                "verdict": verdict.said,
            }
            for verdict in verdicts(as_milliseconds(measured))
        ],
    }


def _ratio(theirs: float, ours: float, unit: str) -> float:
    return theirs / ours if unit == "ms" else ours / theirs
