"""Compile Python functions that make nested dictionaries of a statement's rows.

``Columns`` collects the columns to select, each once, and knows their indexes in a row.
``compile_list`` and ``compile_groups`` then write the source of one comprehension for the whole
plan and compile it: nothing is looked up by name for each row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from colonnade.aggregates import ResolvedAggregate
from colonnade.filters import JoinTree
from colonnade.mapping import Relation, mapping_of
from colonnade.schemas import NestedField, Plan, stand_in_class
from colonnade.spec import build_children_aggregate

__all__ = [
    "CollectionField",
    "Collector",
    "Columns",
    "RowFunction",
    "compile_groups",
    "compile_list",
]

Steps = tuple[Relation, ...]


class Columns:
    """The columns that a plan reads from the root of ``sources`` and from joined single objects.

    ``labels`` are the names of columns that the statement selects already, before these.
    """

    def __init__(self, sources: JoinTree, plan: Plan, labels: Sequence[str] = ()) -> None:
        self.sources = sources
        #: The expressions to select, after the columns with ``labels``.
        self.expressions: list[Any] = []
        self.labels = tuple(labels)
        self._places: dict[tuple[Steps, str], int] = {
            ((), label): place for place, label in enumerate(labels)
        }
        self._figures: dict[tuple[Steps, ResolvedAggregate], int] = {}
        self._add_plan(plan, ())

    def __len__(self) -> int:
        return len(self.labels) + len(self.expressions)

    def index_of(self, steps: Steps, name: str) -> int:
        """Return the index of an attribute's column in a row; select it at the first call.

        ``steps`` lead from the root to the object that has the attribute.
        """
        place = self._places.get((steps, name))
        if place is None:
            place = self._places[steps, name] = len(self)
            column = getattr(self.sources.join_path(steps), name)
            self.expressions.append(column.label(f"c{place}"))
        return place

    def index_of_figure(self, steps: Steps, measure: ResolvedAggregate) -> int:
        """Return the index of a figure about the children of the object at the end of ``steps``."""
        if (steps, measure) not in self._figures:
            found = build_children_aggregate(measure, self.sources, steps)
            self._figures[steps, measure] = self.add_expression(found)
        return self._figures[steps, measure]

    def key_indexes(self, plan: Plan, steps: Steps = ()) -> tuple[int, ...]:
        """Return the indexes of the primary key of the object at the end of ``steps``."""
        return tuple(self.index_of(steps, name) for name in mapping_of(plan.model).key)

    def add_expression(self, expression: Any) -> int:
        """Select one more expression; return its index in a row."""
        self.expressions.append(expression.label(f"c{len(self)}"))
        return len(self) - 1

    def _add_plan(self, plan: Plan, steps: Steps) -> None:
        """Select what the plan reads, and the keys that tell single objects and parents apart."""
        for leaf in plan.columns:
            self.index_of(steps, leaf.name)
        for _, measure in plan.measures:
            self.index_of_figure(steps, measure)
        if steps or plan.many:
            self.key_indexes(plan, steps)
        for nested in plan.ones:
            self._add_plan(nested.plan, (*steps, nested.relation))
        if not len(self):  # a SELECT needs a column
            self.key_indexes(plan, steps)


@dataclass(frozen=True, slots=True)
class CollectionField:
    """A collection in a tree of plans.

    ``owner`` is the model that has it, ``path`` the fields that lead to it from the root, and
    ``key`` the indexes of the owner's key in a row.
    """

    owner: type[Any]
    nested: NestedField
    path: tuple[str, ...]
    key: tuple[int, ...]

    def shares_statement_with(self, other: CollectionField) -> bool:
        """Return whether one statement can read both collections."""
        one, two = self.nested, other.nested
        return (
            self.owner is other.owner
            and one.relation == two.relation
            and one.plan.reads_like(two.plan)
        )


#: Registers a collection and returns its number.
Collector: TypeAlias = Callable[[CollectionField], int]


@dataclass(frozen=True, slots=True)
class RowFunction:
    """A compiled ``function(rows, *finders)``; a finder returns the children of a key, or None.

    ``finders`` are the numbers of the collections whose finders it takes, in this order.
    """

    function: Callable[..., Any]
    finders: tuple[int, ...]


def compile_list(plan: Plan, columns: Columns, width: int, collect: Collector) -> RowFunction:
    """Compile a function that returns a list with a dictionary for each row.

    A row has ``width`` columns: those of the plan come first.
    """
    code = _SourceWriter(columns, width, collect)
    tree = code.tree(plan, (), ())
    return code.compile_function(f"[{tree} for {code.row()} in rows]")


def compile_groups(
    plan: Plan, columns: Columns, parent: Sequence[int], collect: Collector
) -> RowFunction:
    """Compile a function that returns such lists by the parent's key.

    ``parent`` has the indexes of that key in a row.
    """
    code = _SourceWriter(columns, len(columns), collect)
    tree = code.tree(plan, (), ())
    return code.compile_function(f"group(({code.key(parent)}, {tree}) for {code.row()} in rows)")


def _group_pairs(pairs: Any) -> dict[Any, list[Any]]:
    """Return the lists of items by their key, from pairs of both."""
    groups: dict[Any, list[Any]] = {}
    for key, item in pairs:
        found = groups.get(key)
        if found is None:
            groups[key] = [item]
        else:
            found.append(item)
    return groups


class _SourceWriter:
    """Writes the source of a function, and keeps the names and the finders that it uses."""

    def __init__(self, columns: Columns, width: int, collect: Collector) -> None:
        self._columns = columns
        self._width = width
        self._collect = collect
        self._names: dict[str, Any] = {"group": _group_pairs}
        self._finders: set[int] = set()

    def tree(self, plan: Plan, steps: Steps, path: tuple[str, ...]) -> str:
        """Return the expression for one object, with those nested in it."""
        parts = [
            f"{leaf.field!r}: c{self._columns.index_of(steps, leaf.name)}" for leaf in plan.columns
        ]
        for name, measure in plan.measures:
            parts.append(f"{name!r}: c{self._columns.index_of_figure(steps, measure)}")
        for field, value in plan.given:
            parts.append(f"{field!r}: {None if value is None else '[]'}")
        for nested in plan.ones:
            inner = (*steps, nested.relation)
            key = self._columns.key_indexes(nested.plan, inner)[0]
            found = self.tree(nested.plan, inner, (*path, nested.field))
            # Outer joins: a missing object has NULL for all its columns, and so for its key.
            parts.append(f"{nested.field!r}: None if c{key} is None else {found}")
        for nested in plan.many:
            places = self._columns.key_indexes(plan, steps)
            place = CollectionField(plan.model, nested, (*path, nested.field), places)
            number = self._collect(place)
            self._finders.add(number)
            parts.append(f"{nested.field!r}: find{number}({self.key(places)}) or []")
        tree = f"{{{', '.join(parts)}}}"
        if not plan.objects:
            return tree
        kind = stand_in_class(plan.model)
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

    def compile_function(self, expression: str) -> RowFunction:
        """Compile the expression to a function of ``rows``, ``find0``, ``find1`` and so on."""
        numbers = tuple(sorted(self._finders))
        finders = "".join(f", find{number}" for number in numbers)
        # The source has only names that are made here, and the schema's fields as literals.
        return RowFunction(eval(f"lambda rows{finders}: {expression}", self._names), numbers)
