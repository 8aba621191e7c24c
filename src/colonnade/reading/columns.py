"""Collect the columns of one statement: each is selected once, and found by its index in a row."""

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
    """The columns that a plan reads from the root of ``sources`` and from joined single objects.

    ``labels`` are the names of columns that the statement selects already, before these.
    """

    def __init__(self, sources: Sources, plan: Plan, labels: Sequence[str] = ()) -> None:
        self.sources = sources
        #: The expressions to select, after the columns with ``labels``.
        self.expressions: list[Any] = []
        self.labels = tuple(labels)
        self._places: dict[tuple[Steps, str], int] = {
            ((), label): place for place, label in enumerate(labels)
        }
        self._figures: dict[tuple[Steps, Measure], int] = {}
        self._add(plan, ())

    def __len__(self) -> int:
        return len(self.labels) + len(self.expressions)

    def place(self, steps: Steps, name: str) -> int:
        """Return the index of an attribute's column in a row; select it at the first call.

        ``steps`` lead from the root to the object that has the attribute.
        """
        place = self._places.get((steps, name))
        if place is None:
            place = self._places[steps, name] = len(self)
            column = getattr(self.sources.joined(steps), name)
            self.expressions.append(column.label(f"c{place}"))
        return place

    def figure(self, steps: Steps, measure: Measure) -> int:
        """Return the index of a figure about the children of the object at the end of ``steps``."""
        if (steps, measure) not in self._figures:
            found = of_children(measure, self.sources, steps)
            self._figures[steps, measure] = self.add(found)
        return self._figures[steps, measure]

    def key(self, plan: Plan, steps: Steps = ()) -> tuple[int, ...]:
        """Return the indexes of the primary key of the object at the end of ``steps``."""
        return tuple(self.place(steps, name) for name in mapping_of(plan.model).key)

    def add(self, expression: Any) -> int:
        """Select one more expression; return its index in a row."""
        self.expressions.append(expression.label(f"c{len(self)}"))
        return len(self) - 1

    def _add(self, plan: Plan, steps: Steps) -> None:
        """Select what the plan reads, and the keys that tell single objects and parents apart."""
        for leaf in plan.columns:
            self.place(steps, leaf.name)
        for _, measure in plan.measures:
            self.figure(steps, measure)
        if steps or plan.many:
            self.key(plan, steps)
        for nested in plan.ones:
            self._add(nested.plan, (*steps, nested.relation))
        if not len(self):  # a SELECT needs a column
            self.key(plan, steps)
