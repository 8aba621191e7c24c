"""The workloads: what each is called on the terminal and in the tables, and how it is measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

__all__ = ["KINDS", "TASKS", "WORKLOADS", "Workload", "compare_durations"]


@dataclass(frozen=True)
class Workload:
    """One question or order, the same for every contestant."""

    kind: str
    title: str
    column: str
    unit: str = "ms"

    @property
    def is_rate(self) -> bool:
        """Return whether more is better."""
        return self.unit != "ms"


#: The heading of each kind's table.
KINDS: Final = {
    "reads": "Reads, milliseconds",
    "throughput": "One row by its key, gets a second at so many tasks at once",
    "writes": "Writes, milliseconds",
    "http": "Over HTTP, requests a second",
}

#: Tasks that get rows at the same time, by workload.
TASKS: Final = {f"get_{tasks}": tasks for tasks in (1, 4, 16, 64)}

#: Reads run first: writes change what they would find.
WORKLOADS: Final = {
    "get": Workload("reads", "one hero by its key", "by key"),
    "flat": Workload("reads", "100 of 100,000 heroes, filtered and ordered", "list"),
    "to_one": Workload("reads", "the same, each with its team", "to-one"),
    "nested": Workload("reads", "50 teams, each with its 100 heroes", "nested"),
    "page": Workload("reads", "a page of 50 with an exact count", "page"),
    **{
        name: Workload(
            "throughput",
            f"one hero by its key, {tasks} {'tasks' if tasks > 1 else 'task'} at once",
            str(tasks),
            "gets/s",
        )
        for name, tasks in TASKS.items()
    },
    "http_get": Workload("http", "one hero by its key over HTTP", "by key, HTTP", "requests/s"),
    "http_flat": Workload("http", "the list over HTTP", "list, HTTP", "requests/s"),
    "http_nested": Workload("http", "the nested list over HTTP", "nested, HTTP", "requests/s"),
    "create": Workload("writes", "create one hero and commit", "create"),
    "update": Workload("writes", "update one hero by its key and commit", "update"),
    "create_many": Workload("writes", "create 10,000 heroes and commit", "create_many"),
}


def compare_durations(
    workload: str, measures: Mapping[str, Sequence[float]], one: str, other: str
) -> float:
    """Return how many times as long ``one`` takes as ``other``.

    The median over the rounds, each of which compares the turns that ran one after the other: what
    slows the machine down for a while, slows both.
    """
    pairs = zip(measures[one], measures[other], strict=True)
    if WORKLOADS[workload].is_rate:
        return median(its / ours for ours, its in pairs)
    return median(ours / its for ours, its in pairs)
