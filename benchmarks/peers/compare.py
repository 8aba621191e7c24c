"""A run on one database: contestants open, are checked, take turns and close again."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Iterable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import TypeVar

from peers import http
from peers.checks import check_create, check_create_many, check_reads, check_update
from peers.clock import Ask, Measures, measure_calls, measure_throughput
from peers.contestant import BulkContestant, Contestant, WriteContestant, key_of
from peers.contestants import ALONE, BULK_WRITERS, READERS, WRITERS
from peers.payloads import make_changes, make_hero, make_heroes
from peers.report import print_workload
from peers.stored import StoredHeroes
from peers.workloads import TASKS, WORKLOADS

__all__ = ["compare"]

C = TypeVar("C", bound=Contestant)

Keep = Callable[[str, Measures], None]


async def compare(
    database: str, url: str, wanted: Collection[str], rounds: int
) -> dict[str, Measures]:
    """Return what these workloads measure on a filled database, and print each when it is done.

    What takes longer has half the rounds. Writes come last: they change what reads find.
    """
    measured: dict[str, Measures] = {}

    def keep(workload: str, measures: Measures) -> None:
        measured[workload] = measures
        print_workload(database, workload, measures)

    half = max(1, rounds // 2)
    if reads := _choose(wanted, "reads"):
        await _compare_reads(database, url, reads, rounds, keep)
    if throughput := _choose(wanted, "throughput"):
        await _compare_throughput(database, url, throughput, half, keep)
    if requests := _choose(wanted, "http"):
        async with aclosing(http.compare(url, requests, half)) as found:
            async for workload, measures in found:
                keep(workload, measures)
    writes = _choose(wanted, "writes")
    stored = StoredHeroes(url)
    try:
        if "create" in writes or "update" in writes:
            await _compare_writes(database, url, writes, stored, rounds, keep)
        if "create_many" in writes:
            await _compare_bulk_writes(database, url, stored, half, keep)
    finally:
        await stored.close()
    return measured


async def _compare_reads(
    database: str, url: str, workloads: list[str], rounds: int, keep: Keep
) -> None:
    async with _opened(url, READERS[database]) as readers:
        for workload in workloads:
            await check_reads(workload, readers)
            asks: dict[str, Ask] = {one.name: getattr(one, workload) for one in readers}
            keep(workload, await measure_calls(asks, rounds))


async def _compare_throughput(
    database: str, url: str, workloads: list[str], rounds: int, keep: Keep
) -> None:
    kinds = [kind for kind in READERS[database] if kind not in ALONE]
    async with _opened(url, kinds) as readers:
        await check_reads("get", readers)
        asks: dict[str, Ask] = {one.name: one.get for one in readers}
        for workload in workloads:
            keep(workload, await measure_throughput(asks, TASKS[workload], rounds))


async def _compare_writes(
    database: str, url: str, workloads: list[str], stored: StoredHeroes, rounds: int, keep: Keep
) -> None:
    async with _opened(url, WRITERS[database]) as writers:
        if "create" in workloads:
            await check_create(writers, stored)
            asks = {one.name: _creating(one) for one in writers}
            keep("create", await measure_calls(asks, rounds))
            await stored.remove_created()
        if "update" in workloads:
            await check_update(writers, stored)
            asks = {one.name: _updating(one) for one in writers}
            keep("update", await measure_calls(asks, rounds))


async def _compare_bulk_writes(
    database: str, url: str, stored: StoredHeroes, rounds: int, keep: Keep
) -> None:
    async with _opened(url, BULK_WRITERS[database]) as writers:
        await check_create_many(writers, stored)
        asks = {one.name: _creating_many(one) for one in writers}
        keep("create_many", await measure_calls(asks, rounds, stored.remove_created))


def _creating(one: WriteContestant) -> Ask:
    return lambda number: one.create(make_hero(number))


def _updating(one: WriteContestant) -> Ask:
    return lambda number: one.update(key_of(number), make_changes())


def _creating_many(one: BulkContestant) -> Ask:
    return lambda _number: one.create_many(make_heroes())


def _choose(wanted: Collection[str], kind: str) -> list[str]:
    return [name for name, told in WORKLOADS.items() if name in wanted and told.kind == kind]


@asynccontextmanager
async def _opened(url: str, kinds: Iterable[Callable[[str], C]]) -> AsyncGenerator[list[C]]:
    """Open these contestants, and close them after the block."""
    async with AsyncExitStack() as closing:
        contestants: list[C] = []
        for kind in kinds:
            one = kind(url)
            await one.open()
            closing.push_async_callback(one.close)
            contestants.append(one)
        yield contestants
