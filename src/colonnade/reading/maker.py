"""Compile the functions that make nested dictionaries of rows, one for each plan.

The source of a comprehension is written and evaluated, as ``dataclasses`` does. A general loop over
the plan would add, for a hundred rows, a third of the time that validation takes. The source holds
only numbers of columns and the quoted names of a schema's fields.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from colonnade.loading import Nested, Plan, stand_in
from colonnade.reading.columns import Columns, Steps

__all__ = ["Collector", "Maker", "Place", "grouping", "listing"]


@dataclass(frozen=True, slots=True)
class Place:
    """A collection in a tree of plans.

    ``owner`` is the model that has it, ``path`` the fields that lead to it from the root, and
    ``key`` the indexes of the owner's key in a row.
    """

    owner: type[Any]
    nested: Nested
    path: tuple[str, ...]
    key: tuple[int, ...]

    def same(self, other: Place) -> bool:
        """Return whether one statement can read both collections."""
        one, two = self.nested, other.nested
        return (
            self.owner is other.owner and one.relation == two.relation and one.plan.same(two.plan)
        )


#: Registers a collection and returns its number.
Collector: TypeAlias = Callable[[Place], int]


@dataclass(frozen=True, slots=True)
class Maker:
    """A compiled ``function(rows, *finders)``; a finder returns the children of a key, or None.

    ``finders`` are the numbers of the collections whose finders it takes, in this order.
    """

    function: Callable[..., Any]
    finders: tuple[int, ...]


def listing(plan: Plan, columns: Columns, width: int, collect: Collector) -> Maker:
    """Compile a function that returns a list with a dictionary for each row.

    A row has ``width`` columns: those of the plan come first.
    """
    code = _Code(columns, width, collect)
    tree = code.tree(plan, (), ())
    return code.compiled(f"[{tree} for {code.row()} in rows]")


def grouping(plan: Plan, columns: Columns, parent: Sequence[int], collect: Collector) -> Maker:
    """Compile a function that returns such lists by the parent's key.

    ``parent`` has the indexes of that key in a row.
    """
    code = _Code(columns, len(columns), collect)
    tree = code.tree(plan, (), ())
    return code.compiled(f"group(({code.key(parent)}, {tree}) for {code.row()} in rows)")


def _group(pairs: Any) -> dict[Any, list[Any]]:
    """Return the lists of items by their key, from pairs of both."""
    groups: dict[Any, list[Any]] = {}
    for key, item in pairs:
        found = groups.get(key)
        if found is None:
            groups[key] = [item]
        else:
            found.append(item)
    return groups


class _Code:
    """Writes the source of a function, and keeps the names and the finders that it uses."""

    def __init__(self, columns: Columns, width: int, collect: Collector) -> None:
        self._columns = columns
        self._width = width
        self._collect = collect
        self._names: dict[str, Any] = {"group": _group}
        self._finders: set[int] = set()

    def tree(self, plan: Plan, steps: Steps, path: tuple[str, ...]) -> str:
        """Return the expression for one object, with those nested in it."""
        parts = [
            f"{leaf.field!r}: c{self._columns.place(steps, leaf.name)}" for leaf in plan.columns
        ]
        for name, measure in plan.measures:
            parts.append(f"{name!r}: c{self._columns.figure(steps, measure)}")
        for field, value in plan.given:
            parts.append(f"{field!r}: {None if value is None else '[]'}")
        for nested in plan.ones:
            inner = (*steps, nested.relation)
            key = self._columns.key(nested.plan, inner)[0]
            found = self.tree(nested.plan, inner, (*path, nested.field))
            parts.append(f"{nested.field!r}: None if c{key} is None else {found}")
        for nested in plan.many:
            places = self._columns.key(plan, steps)
            place = Place(plan.model, nested, (*path, nested.field), places)
            number = self._collect(place)
            self._finders.add(number)
            parts.append(f"{nested.field!r}: find{number}({self.key(places)}) or []")
        tree = f"{{{', '.join(parts)}}}"
        if not plan.objects:
            return tree
        kind = stand_in(plan.model)
        name = f"stand_in{len(self._names)}"
        self._names[name] = kind
        return f"{name}({tree})"

    def key(self, places: Sequence[int]) -> str:
        """Return the expression for a key: one value, or a tuple of several."""
        if len(places) == 1:
            return f"c{places[0]}"
        return f"({', '.join(f'c{place}' for place in places)})"

    def row(self) -> str:
        """Return the names that a row is unpacked into."""
        return f"({', '.join(f'c{place}' for place in range(self._width))},)"

    def compiled(self, expression: str) -> Maker:
        """Compile the expression to a function of ``rows``, ``find0``, ``find1`` and so on."""
        numbers = tuple(sorted(self._finders))
        finders = "".join(f", find{number}" for number in numbers)
        return Maker(eval(f"lambda rows{finders}: {expression}", self._names), numbers)
