"""Run the comparison: scripts/bench peers [--database NAME] [--only WORKLOAD] [--quick].

Each workload asks every contestant first and compares what they answer; then they take turns.
A full run writes docs/benchmarks.json and docs/benchmarks.svg.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from typing import Any

from peers import http
from peers.clock import interleaved
from peers.contestant import WORKLOADS, Contestant
from peers.data import fill
from peers.databases import empty
from peers.drivers import AiosqliteRows, AsyncpgJson, AsyncpgRows
from peers.handwritten import HandwrittenOrm, HandwrittenSqlmodel
from peers.libraries import AdvancedAlchemy, Fastcrud
from peers.ours import Entities, Into, Json
from peers.plot import draw
from peers.report import Measured, print_targets, print_workload, summary
from record import DOCS, keep

ABOVE = (HandwrittenOrm, HandwrittenSqlmodel, AdvancedAlchemy, Fastcrud, Entities, Into, Json)
CONTESTANTS: dict[str, tuple[type[Contestant], ...]] = {
    "postgresql": (AsyncpgRows, AsyncpgJson, *ABOVE),
    "sqlite": (AiosqliteRows, *ABOVE),
}
HTTP = {"http_flat": "the list over HTTP", "http_nested": "the nested list over HTTP"}


async def run(databases: list[str], only: list[str], rounds: int) -> Measured:
    measured: Measured = {}
    for database in databases:
        with empty(database) as url:
            await fill(url)
            found = measured[database] = await compare(database, url, only, rounds)
            if not only or set(only) & set(HTTP):
                found |= await http.compare(url, max(1, rounds // 5))
                for workload in HTTP:
                    print_workload(database, HTTP[workload], found[workload], "requests/s")
    return measured


async def compare(
    database: str, url: str, only: list[str], rounds: int
) -> dict[str, dict[str, float]]:
    contestants = [kind(url) for kind in CONTESTANTS[database]]
    measured: dict[str, dict[str, float]] = {}
    for contestant in contestants:
        await contestant.open()
    for workload, title in WORKLOADS.items():
        if not only or workload in only:
            await check(workload, contestants)
            asks = {one.name: getattr(one, workload) for one in contestants}
            measured[workload] = await interleaved(asks, rounds)
            print_workload(database, title, measured[workload], "ms")
    for contestant in contestants:
        await contestant.close()
    return measured


async def check(workload: str, contestants: list[Contestant]) -> None:
    """Whether all answer the same, for some numbers."""
    for number in (0, 3, 12):
        answers = {one.name: await getattr(one, workload)(number) for one in contestants}
        plain = {name: essence(json.loads(answer)) for name, answer in answers.items()}
        first, expected = next(iter(plain.items()))
        for name, answer in plain.items():
            if answer != expected or not answer:
                raise SystemExit(f"{workload}: {name} does not answer as {first} does")


def essence(answer: Any) -> Any:
    """An answer without the wrapping in which pages differ."""
    if isinstance(answer, dict) and "items" in answer:
        return answer["items"], answer["total"]
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench peers", description=__doc__)
    parser.add_argument("--database", action="append", choices=list(CONTESTANTS))
    parser.add_argument("--only", action="append", choices=[*WORKLOADS, *HTTP], default=[])
    parser.add_argument("--rounds", type=int, default=25, help="turns of each contestant")
    parser.add_argument("--quick", action="store_true", help="5 turns: to see that all works")
    given = parser.parse_args()
    rounds = 5 if given.quick else given.rounds
    measured = asyncio.run(run(given.database or list(CONTESTANTS), given.only, rounds))
    print_targets(measured)
    if not (given.database or given.only or given.quick):
        keep(peers=summary(measured))
        draw(DOCS / "benchmarks.svg", measured)
        print(f"\nwritten: benchmarks.json, .svg and .md in {DOCS}")


if __name__ == "__main__":
    main()
