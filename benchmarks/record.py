"""In charge of what a run leaves: docs/benchmarks.json, and the tables in docs/benchmarks.md."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

__all__ = ["DOCS", "keep"]

DOCS: Final = Path(__file__).parents[1] / "docs"
_COLUMNS: Final = {
    "get": "by key",
    "flat": "list",
    "to_one": "to-one",
    "nested": "nested",
    "page": "page",
    "http_flat": "list, HTTP",
    "http_nested": "nested, HTTP",
}
_NAMES: Final = {"postgresql": "PostgreSQL", "sqlite": "SQLite", "mariadb": "MariaDB"}


def keep(**sections: Any) -> None:
    """Put these sections in place of those that an earlier run left, and the rest stays."""
    path = DOCS / "benchmarks.json"
    kept: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    kept |= sections
    path.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    page = DOCS / "benchmarks.md"
    text = page.read_text("utf-8")
    for name in sections:
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        before, rest = text.split(begin)
        table = "\n".join(_TABLES[name](sections[name]))
        text = f"{before}{begin}\n{table}\n\n{end}{rest.split(end)[1]}"
    page.write_text(text, encoding="utf-8")


def _peers(section: dict[str, Any]) -> Iterator[str]:
    packages = ", ".join(f"{name} {number}" for name, number in section["packages"].items())
    yield f"Measured {section['when']} with Python {section['python']}: {packages}."
    yield f"The machine's load was {section['load']} on {section['cores']} cores."
    for database, workloads in section["medians"].items():
        heads = [name for name in _COLUMNS if name in workloads]
        yield f"\n{_NAMES[database]}, milliseconds, over HTTP requests a second:\n"
        contestants = dict.fromkeys(name for found in workloads.values() for name in found)
        yield from _table(
            ["", *(_COLUMNS[head] for head in heads)],
            (
                [name, *(_figure(workloads[head].get(name)) for head in heads)]
                for name in contestants
            ),
        )
    yield "\nThe targets, each a ratio within this run:\n"
    yield from _table(
        ["database", "workload", "", "target", "measured", ""],
        (
            [
                _NAMES[target["database"]],
                _COLUMNS[target["workload"]],
                target["ours"],
                target["wanted"],
                f"{target['ratio']:.2f}",
                target["verdict"],
            ]
            for target in section["targets"]
        ),
    )


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
