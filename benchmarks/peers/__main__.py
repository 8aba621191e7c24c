"""Run the comparison: scripts/bench peers [--database NAME] [--only WORKLOAD] [--quick].

Each workload asks every contestant first and checks what they answer; then they take turns.
A full run writes docs/benchmarks.json, docs/benchmarks.svg and the tables of docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Collection, Sequence

from peers.compare import compare
from peers.contestants import READERS
from peers.data import fill
from peers.databases import empty
from peers.report import Measured, print_targets, summary
from peers.workloads import KINDS, WORKLOADS
from record import DOCS, keep


async def run(databases: Sequence[str], wanted: Collection[str], rounds: int) -> Measured:
    measured: Measured = {}
    for database in databases:
        with empty(database) as url:
            await fill(url)
            measured[database] = await compare(database, url, wanted, rounds)
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench peers", description=__doc__)
    parser.add_argument("--database", action="append", choices=list(READERS))
    parser.add_argument(
        "--only",
        action="append",
        choices=[*KINDS, *WORKLOADS],
        default=[],
        help="a workload or a kind of them; may be given again",
    )
    parser.add_argument("--rounds", type=int, default=25, help="turns of each contestant")
    parser.add_argument("--quick", action="store_true", help="5 turns: to see that all works")
    given = parser.parse_args()
    wanted = {
        name
        for name, workload in WORKLOADS.items()
        if not given.only or name in given.only or workload.kind in given.only
    }
    rounds = 5 if given.quick else given.rounds
    measured = asyncio.run(run(given.database or list(READERS), wanted, rounds))
    print_targets(measured)
    if not (given.database or given.only or given.quick):
        keep(peers=summary(measured))
        print(f"\nwritten: benchmarks.json, .svg and .md in {DOCS}")


if __name__ == "__main__":
    main()
