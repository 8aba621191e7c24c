"""What Colonnade has to reach, as ratios within one run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["Verdict", "verdicts"]

JSON: Final = "Colonnade, .json"
INTO: Final = "Colonnade, into(Schema)"
ROWS: Final = "asyncpg, rows"
SQL_JSON: Final = "asyncpg, SQL's JSON"
ORM: Final = "SQLAlchemy ORM + Pydantic"
PLAIN: Final = "plain FastAPI"
PEERS: Final = (ORM, "SQLModel", "advanced-alchemy", "FastCRUD")


@dataclass(frozen=True)
class Target:
    """``ours`` takes at most ``bound`` times what ``theirs`` take, or is that much faster."""

    database: str
    workload: str
    ours: str
    theirs: tuple[str, ...]
    bound: float
    faster: bool = True
    aim: float | None = None


TARGETS: Final = (
    Target("postgresql", "get", JSON, (ROWS,), 1.7, faster=False),
    Target("postgresql", "get", INTO, (ROWS,), 2.0, faster=False),
    Target("postgresql", "flat", JSON, (SQL_JSON,), 1.5, faster=False),
    Target("postgresql", "flat", JSON, PEERS, 3.5, aim=4),
    Target("postgresql", "flat", INTO, PEERS, 2),
    Target("postgresql", "to_one", JSON, (SQL_JSON,), 1.5, faster=False),
    Target("postgresql", "to_one", JSON, (ORM,), 4.5),
    Target("postgresql", "to_one", INTO, (ORM,), 2.2),
    Target("postgresql", "nested", JSON, (SQL_JSON,), 1.2, faster=False),
    Target("postgresql", "nested", JSON, (ORM,), 6, aim=7),
    Target("postgresql", "nested", INTO, (ORM,), 2.3),
    Target("postgresql", "http_flat", JSON, (PLAIN,), 2.5),
    Target("postgresql", "http_nested", JSON, (PLAIN,), 4),
    Target("sqlite", "flat", JSON, (ORM,), 1.6),
    Target("sqlite", "flat", INTO, (ORM,), 1.4),
    Target("sqlite", "nested", JSON, (ORM,), 3),
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


def verdicts(measured: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Iterator[Verdict]:
    """What was measured, as milliseconds by database, workload and contestant, held to the targets.

    Of several contestants the hardest to beat counts.
    """
    for target in TARGETS:
        found: Mapping[str, Any] = measured.get(target.database, {}).get(target.workload, {})
        theirs = [name for name in target.theirs if name in found]
        if target.ours not in found or not theirs:
            continue
        best = min(theirs, key=found.__getitem__)
        ratio = found[best] / found[target.ours]
        yield Verdict(target, best, ratio if target.faster else 1 / ratio)
