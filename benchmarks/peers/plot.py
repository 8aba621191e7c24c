"""The picture: a panel for each workload, a bar for each contestant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Final

from peers.workloads import WORKLOADS

__all__ = ["render"]

_DATABASES: Final = {"postgresql": "PostgreSQL", "sqlite": "SQLite"}
_COLORS: Final = {"Colonnade": "#2f6f9f", "asyncpg": "#9aa5ad", "aiosqlite": "#9aa5ad"}
_PEER: Final = "#d9a05b"

_WIDTH: Final = 500
_LABEL: Final = 205
_ROOM: Final = 66
_BAR: Final = 18
_HEAD: Final = 30
_GAP: Final = 22
_MARGIN: Final = 16
_TOP: Final = 62


def render(measured: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Return the figures as SVG: databases side by side, workloads below each other."""
    workloads = [name for name in WORKLOADS if any(name in found for found in measured.values())]
    parts: list[str] = []
    y = _TOP
    for workload in workloads:
        tallest = 0
        for column, found in enumerate(measured.values()):
            if workload in found:
                x = _MARGIN + column * (_WIDTH + _GAP)
                parts += _panel(x, y, workload, found[workload])
                tallest = max(tallest, len(found[workload]))
        y += _HEAD + tallest * _BAR + _GAP
    width = 2 * _MARGIN + len(measured) * (_WIDTH + _GAP) - _GAP
    heads = [
        _text(_MARGIN + column * (_WIDTH + _GAP), 48, _DATABASES.get(name, name), "database")
        for column, name in enumerate(measured)
    ]
    title = _text(_MARGIN, 24, "From the question to the bytes of the answer", "title")
    return "\n".join([_opening(width, y), title, *heads, *parts, "</svg>", ""])


def _panel(x: int, y: int, workload: str, found: Mapping[str, float]) -> Iterator[str]:
    told = WORKLOADS[workload]
    unit = f"{told.unit}, {'more' if told.is_rate else 'less'} is better"
    yield _text(x, y + 16, f"{told.title} ({unit})", "panel")
    widest = _WIDTH - _LABEL - _ROOM
    most = max(found.values())
    for number, (name, value) in enumerate(found.items()):
        top = y + _HEAD + number * _BAR
        length = max(1.0, value / most * widest)
        color = next((c for start, c in _COLORS.items() if name.startswith(start)), _PEER)
        yield _text(x + _LABEL - 6, top + 11, name, "name")
        yield (
            f'<rect x="{x + _LABEL}" y="{top}" width="{length:.1f}" height="{_BAR - 4}"'
            f' fill="{color}"/>'
        )
        figure = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
        yield _text(x + _LABEL + length + 5, top + 11, figure, "figure")


def _opening(width: int, height: int) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        f' width="{width}" height="{height}" role="img">\n'
        "<style>text{font:12px system-ui,'DejaVu Sans',sans-serif;fill:#222}"
        ".title{font-size:17px;font-weight:600}.database{font-size:15px;font-weight:600}"
        ".panel{font-weight:600}.name{text-anchor:end}.figure{fill:#555}</style>\n"
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    )


def _text(x: float, y: float, content: str, kind: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(content)}</text>'
