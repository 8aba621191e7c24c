"""In charge of the columns of one statement: each is selected once, and known by its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from colonnade.filters import Sources
from colonnade.loading import Measure, Plan
from colonnade.mapping import Relation, mapping_of
from colonnade.spec import of_children

__all__ = ["Columns"]

Steps = tuple[Relation, ...]


class Columns:
    """What a plan reads from the root of ``sources`` and the single objects joined to it."""

    def __init__(self, sources: Sources, plan: Plan, labels: Sequence[str] = ()) -> None:
        self.sources = sources
        #: What is selected after the columns that have ``labels``, which stand there already.
        self.expressions: list[Any] = []
        #: What stands before the plan's own columns.
        self.labels = tuple(labels)
        self._places: dict[tuple[Steps, str], int] = {
            ((), label): place for place, label in enumerate(labels)
        }
        self._figures: dict[tuple[Steps, Measure], int] = {}
        self._add(plan, ())

    def __len__(self) -> int:
        return len(self.labels) + len(self.expressions)

    def place(self, steps: Steps, name: str) -> int:
        """Where the attribute stands in a row."""
        place = self._places.get((steps, name))
        if place is None:
            place = self._places[steps, name] = len(self)
            column = getattr(self.sources.joined(steps), name)
            self.expressions.append(column.label(f"c{place}"))
        return place

    def figure(self, steps: Steps, measure: Measure) -> int:
        """Where the figure about the children of the object at the end of ``steps`` stands."""
        if (steps, measure) not in self._figures:
            found = of_children(measure, self.sources, steps)
            self._figures[steps, measure] = self.add(found)
        return self._figures[steps, measure]

    def key(self, plan: Plan, steps: Steps = ()) -> tuple[int, ...]:
        """Where the key of the object at the end of ``steps`` stands."""
        return tuple(self.place(steps, name) for name in mapping_of(plan.model).key)

    def add(self, expression: Any) -> int:
        """Select an expression of another kind as well."""
        self.expressions.append(expression.label(f"c{len(self)}"))
        return len(self) - 1

    def _add(self, plan: Plan, steps: Steps) -> None:
        for leaf in plan.columns:
            self.place(steps, leaf.name)
        for _, measure in plan.measures:
            self.figure(steps, measure)
        if steps or plan.many:
            self.key(plan, steps)
        for nested in plan.ones:
            self._add(nested.plan, (*steps, nested.relation))
        if not len(self):
            self.key(plan, steps)
