"""What Colonnade has to reach, as ratios within one run.

Against the driver the bounds are what is left above physics: no library makes the driver's round
trip, its decoding or the server's work shorter. For the same reason there is no target for nested
``.json`` against the ORM any more: the 6 × that was wanted cannot be had where SQL's JSON, written
by hand, is itself 5.3 × as fast as the ORM.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from peers.workloads import WORKLOADS, compare_durations

__all__ = ["TARGETS", "Target", "Verdict", "verdicts"]

JSON: Final = "Colonnade, .json"
INTO: Final = "Colonnade, into(Schema)"
ENTITIES: Final = "Colonnade, entities"
NO_OBJECTS: Final = "Colonnade, no objects"
ROWS: Final = "asyncpg, rows"
SQL_JSON: Final = "asyncpg, SQL's JSON"
ORM: Final = "SQLAlchemy ORM + Pydantic"
ADVANCED: Final = "advanced-alchemy"
PLAIN: Final = "plain FastAPI"
PEERS: Final = (ORM, "SQLModel", ADVANCED, "FastCRUD")


@dataclass(frozen=True)
class Target:
    """``ours`` takes at most ``bound`` times what ``theirs`` take, or is that much faster.

    ``why`` says what stands in the way where the target is not met.
    """

    database: str
    workload: str
    ours: str
    theirs: tuple[str, ...]
    bound: float
    faster: bool = True
    aim: float | None = None
    why: str = ""


TARGETS: Final = (
    Target("postgresql", "get", JSON, (ROWS,), 1.5, faster=False),
    Target("postgresql", "get", INTO, (ROWS,), 1.5, faster=False),
    Target("postgresql", "flat", JSON, (SQL_JSON,), 1.3, faster=False),
    Target("postgresql", "flat", JSON, PEERS, 3.5, aim=4),
    Target("postgresql", "flat", INTO, PEERS, 2),
    Target("postgresql", "to_one", JSON, (SQL_JSON,), 1.2, faster=False),
    Target("postgresql", "to_one", JSON, (ORM,), 4.5),
    Target("postgresql", "to_one", INTO, (ORM,), 2.2),
    Target("postgresql", "nested", JSON, (SQL_JSON,), 1.1, faster=False),
    Target("postgresql", "nested", INTO, (ROWS,), 1.9, faster=False),
    Target("postgresql", "nested", INTO, (ORM,), 2.3),
    Target("postgresql", "http_flat", JSON, (PLAIN,), 2.5),
    Target("postgresql", "http_nested", JSON, (PLAIN,), 4),
    Target(
        "postgresql",
        "create",
        INTO,
        (ROWS,),
        2,
        faster=False,
        why="the ORM's flush is 1.7 by itself; what sees every COMMIT through, also when its task "
        "is cancelled, adds some 40 µs",
    ),
    Target(
        "postgresql",
        "update",
        INTO,
        (ROWS,),
        2,
        faster=False,
        why="the ORM by itself takes 2.5 times as long as asyncpg here, and as long as Colonnade; "
        "its UPDATE … RETURNING is what is used",
    ),
    Target("postgresql", "create_many", ENTITIES, (ADVANCED,), 1, faster=False),
    Target(
        "postgresql",
        "create_many",
        NO_OBJECTS,
        (ADVANCED,),
        4,
        why="asyncpg's executemany alone is 4.4 times as fast; other runs had 3.9 to 5.3",
    ),
    Target("sqlite", "flat", JSON, (ORM,), 1.6),
    Target("sqlite", "flat", INTO, (ORM,), 1.4),
    Target(
        "sqlite",
        "nested",
        JSON,
        (ORM,),
        3,
        why="Pydantic writes this document too, since SQLite's JSON has only 15 digits of a REAL",
    ),
    Target("sqlite", "nested", INTO, (ORM,), 2),
)


@dataclass(frozen=True)
class Verdict:
    """A target and what was measured for it."""

    target: Target
    theirs: str
    ratio: float

    @property
    def met(self) -> bool:
        bound = self.target.bound
        return self.ratio >= bound if self.target.faster else self.ratio <= bound

    @property
    def aim_met(self) -> bool:
        return self.target.aim is None or self.ratio >= self.target.aim

    @property
    def wanted(self) -> str:
        bound = self.target.bound
        way = f"≥ {bound:g} × faster than" if self.target.faster else f"≤ {bound:g} ×"
        return f"{way} {self.theirs}"

    @property
    def said(self) -> str:
        if not self.met:
            return "NOT MET"
        return "met" if self.aim_met else f"met, the aim of {self.target.aim:g} not"

    def __str__(self) -> str:
        target = self.target
        asked = f"{target.database:<10} {target.workload:<11} {target.ours:<23}"
        return f"{asked} {self.wanted}: {self.ratio:.2f}, {self.said}"


def verdicts(
    measured: Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]],
) -> Iterator[Verdict]:
    """Yield a verdict for each target that turns by database, workload and contestant speak of.

    Of several contestants the hardest to beat counts.
    """
    for target in TARGETS:
        found = measured.get(target.database, {}).get(target.workload, {})
        theirs = [name for name in target.theirs if name in found]
        if target.ours not in found or not theirs:
            continue
        is_rate = WORKLOADS[target.workload].is_rate
        best = (max if is_rate else min)(theirs, key=lambda name: median(found[name]))
        over, under = (best, target.ours) if target.faster else (target.ours, best)
        yield Verdict(target, best, compare_durations(target.workload, found, over, under))
