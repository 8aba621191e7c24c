"""What a run leaves: docs/benchmarks.json, and what is made of it: tables and the picture.

``scripts/bench record`` makes the tables and the picture again from the figures that are kept, for
instance after a change of the targets' words; nothing is measured.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from peers import plot
from peers.targets import TARGETS, Verdict
from peers.workloads import KINDS, WORKLOADS

__all__ = ["DOCS", "keep", "render", "write"]

DOCS: Final = Path(__file__).parents[1] / "docs"
_NAMES: Final = {"postgresql": "PostgreSQL", "sqlite": "SQLite", "mariadb": "MariaDB"}


def keep(**sections: Any) -> None:
    """Put these sections in place of those that an earlier run left, and write the documents."""
    path = DOCS / "benchmarks.json"
    kept = _load() if path.exists() else {}
    kept |= sections
    path.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    write()


def write() -> None:
    """Write the tables of docs/benchmarks.md and the picture from docs/benchmarks.json."""
    kept = _load()
    page = DOCS / "benchmarks.md"
    page.write_text(render(page.read_text("utf-8"), kept), encoding="utf-8")
    picture = plot.render(kept["peers"]["medians"])
    (DOCS / "benchmarks.svg").write_text(picture, encoding="utf-8")


def render(page: str, kept: Mapping[str, Any]) -> str:
    """Return the page with the tables that these figures make, between the marks for them."""
    for name, section in kept.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        before, rest = page.split(begin)
        table = "\n".join(_TABLES[name](section))
        page = f"{before}{begin}\n{table}\n\n{end}{rest.split(end)[1]}"
    return page


def _load() -> dict[str, Any]:
    kept: dict[str, Any] = json.loads((DOCS / "benchmarks.json").read_text("utf-8"))
    return kept


def _peers(section: dict[str, Any]) -> Iterator[str]:
    packages = ", ".join(f"{name} {number}" for name, number in section["packages"].items())
    yield f"Measured {section['when']} with Python {section['python']}: {packages}."
    yield f"The machine's load was {section['load']} on {section['cores']} cores."
    for database, workloads in section["medians"].items():
        yield f"\n### {_NAMES[database]}"
        for kind, title in KINDS.items():
            heads = [name for name in workloads if WORKLOADS[name].kind == kind]
            if heads:
                yield f"\n{title}:\n"
                yield from _medians({head: workloads[head] for head in heads})
    yield "\n### Targets\n"
    yield "Each is a ratio within this run, the median of its rounds:\n"
    yield from _table(
        ["database", "workload", "", "target", "measured", ""],
        (
            [
                _NAMES[verdict.target.database],
                WORKLOADS[verdict.target.workload].column,
                verdict.target.ours,
                verdict.wanted,
                f"{verdict.ratio:.2f}",
                _reason(verdict),
            ]
            for verdict in _verdicts(section["targets"])
        ),
    )


def _medians(workloads: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    contestants = dict.fromkeys(name for found in workloads.values() for name in found)
    yield from _table(
        ["", *(WORKLOADS[name].column for name in workloads)],
        (
            [name, *(_figure(found.get(name)) for found in workloads.values())]
            for name in contestants
        ),
    )


def _verdicts(kept: Iterable[Mapping[str, Any]]) -> Iterator[Verdict]:
    """Hold the ratios that were kept to the targets as they are now."""
    for one in kept:
        for target in TARGETS:
            asked = (target.database, target.workload, target.ours)
            measured = (one["database"], one["workload"], one["ours"])
            if asked == measured and one["theirs"] in target.theirs:
                yield Verdict(target, one["theirs"], one["ratio"])


def _reason(verdict: Verdict) -> str:
    if verdict.met or not verdict.target.why:
        return verdict.said
    return f"{verdict.said}: {verdict.target.why}"


def _keyset(section: dict[str, Any]) -> Iterator[str]:
    ways = list(next(iter(next(iter(section.values())).values())))
    yield from _table(
        ["ms", "after row", *ways],
        (
            [_NAMES[database], f"{int(row):,}", *(_figure(found[way]) for way in ways)]
            for database, rows in section.items()
            for row, found in rows.items()
        ),
    )


def _shapes(section: dict[str, Any]) -> Iterator[str]:
    ways = list(next(iter(section.values())))
    yield from _table(
        ["CPU µs", *ways, "ratio"],
        (
            [
                title,
                *(_figure(found[way]) for way in ways),
                f"{found['shape'] / found['by hand']:.2f}",
            ]
            for title, found in section.items()
        ),
    )


_TABLES: Final[dict[str, Callable[[dict[str, Any]], Iterator[str]]]] = {
    "peers": _peers,
    "keyset": _keyset,
    "shapes": _shapes,
}


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield "|" + "---|" * len(heads)
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _figure(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    write()
