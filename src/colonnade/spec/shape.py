"""Queries as frozen values: a ``Shape`` makes a statement, a ``Spec`` adds the values to bind.

Two queries of one shape share one statement, whatever their values are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from colonnade.aggregates import groups_of
from colonnade.caches import memoized
from colonnade.filters import Node, ParsedConditions, expand_pairs, matches_no_row
from colonnade.mapping import Relation
from colonnade.ordering import SortKey
from colonnade.spec.keys import bind_values
from colonnade.spec.keyset import Keyset
from colonnade.spec.parameters import (
    CONDITION_VALUE,
    LIMIT,
    OFFSET,
    ROW_CONDITION_VALUE,
    name_position,
)

__all__ = [
    "Limit",
    "Lock",
    "Shape",
    "SortedPaths",
    "Spec",
    "limit_of",
    "spec_of_all_rows",
    "unsorted_paths",
]

#: How a statement is limited: to a number that stands in it, or to one that is bound.
Limit: TypeAlias = int | Literal["few", "many"]

#: Limits that stand in the text of a statement: those of first() and one(), and of pages of the
#: usual sizes, some of which read one row more to see whether there are others.
_USUAL: Final = frozenset({1, 2, 3, 5, 10, 11, 20, 21, 25, 26, 50, 51, 100, 101})
#: No page has more rows.
_FEW: Final = 1024


def limit_of(rows: int | None) -> Limit | None:
    """Return how a statement is limited to so many rows.

    A limit that a client may choose is bound, so that not every number makes a statement of its
    own. PostgreSQL then has to plan at each execution: when it keeps a plan for all of them, it
    takes a limit that it does not know for a tenth of the rows. The usual numbers stand in the
    text, so that it keeps their plans. Whole exports do not share a statement with pages: a plan
    that was kept for all rows would serve the pages too.
    """
    if rows is None or rows in _USUAL:
        return rows
    return "few" if rows <= _FEW else "many"


@dataclass(frozen=True, slots=True)
class Lock:
    """A row lock until the end of the unit; rows that another unit has locked are waited for.

    ``skip_locked`` leaves those out, ``nowait`` raises an error instead of waiting.
    """

    skip_locked: bool = False
    nowait: bool = False


#: Relations to follow, one after the other.
Path: TypeAlias = tuple[Relation, ...]
#: Paths to collections, each with the order that was asked for.
SortedPaths: TypeAlias = tuple[tuple[Path, tuple[SortKey, ...]], ...]


def unsorted_paths(
    load: tuple[tuple[Relation, ...], ...], sorted_: SortedPaths
) -> tuple[tuple[Relation, ...], ...]:
    """Return the paths that neither have an order of their own nor lead through one that has."""
    return tuple(path for path in load if not any(path[: len(own)] == own for own, _ in sorted_))


class Shape(NamedTuple):
    """The parts of a query that make its statement: conditions, order, relations to load, limits.

    ``sorted`` are the collections among those to load that have an order of their own, and single
    objects that may be one of several, which have none. If the model stands for groups, ``of`` is
    the shape of the rows that are grouped.
    """

    model: type[Any]
    where: tuple[Node, ...] = ()
    order: tuple[SortKey, ...] = ()
    load: tuple[tuple[Relation, ...], ...] = ()
    sorted: SortedPaths = ()
    limit: Limit | None = None
    skipping: bool = False
    of: Shape | None = None
    keyset: Keyset | None = None
    lock: Lock | None = None

    def loading(
        self,
        load: tuple[Path, ...],
        ordered: Mapping[Path, tuple[SortKey, ...]] = MappingProxyType({}),
    ) -> Shape:
        """Return the shape with these relations to load, and the order of some collections."""
        firsts: dict[Path, tuple[SortKey, ...]] = {
            path[: place + 1]: ()
            for path in load
            for place, step in enumerate(path)
            if step.multiplies and not step.many
        }
        load = tuple(dict.fromkeys((*load, *(path[:-1] for path in firsts if path[:-1]))))
        kept = {path: terms for path, terms in self.sorted if path not in ordered}
        return self._replace(load=load, sorted=tuple((firsts | kept | dict(ordered)).items()))


class Spec(NamedTuple):
    """A shape and the values for its conditions, in order.

    A ``raw`` spec has an SQL expression of the caller's own in its conditions or its order, and
    gets a statement of its own; otherwise its shape's statement serves. ``of`` asks for the rows
    that are grouped. ``given`` are the values that a schema awaits, by their keys.
    """

    shape: Shape
    values: tuple[Any, ...] = ()
    raw: bool = False
    offset: int | None = None
    position: tuple[Any, ...] = ()
    of: Spec | None = None
    limit: int | None = None
    given: Mapping[str, Any] = MappingProxyType({})

    def grouped(self, rows: Spec) -> Spec:
        """Return this spec about the groups of these rows."""
        shape = self.shape._replace(of=rows.shape)
        return self._replace(shape=shape, raw=self.raw or rows.raw, of=rows)

    def filtered(self, nodes: tuple[Node, ...], values: tuple[Any, ...], raw: bool = False) -> Spec:
        """Return the spec with these conditions added."""
        shape = self.shape._replace(where=(*self.shape.where, *nodes))
        return self._replace(shape=shape, values=(*self.values, *values), raw=self.raw or raw)

    def where(self, conditions: ParsedConditions) -> Spec:
        """Return the spec with these parsed conditions added."""
        return self.filtered(conditions.nodes, conditions.values, conditions.raw)

    def sorted_by(self, order: tuple[SortKey, ...]) -> Spec:
        """Return the spec with this order in place of the one before."""
        raw = self.raw or any(item.raw for item in order)
        return self._replace(shape=self.shape._replace(order=order), raw=raw)

    def cut(self, *, limit: int | None = None, offset: int | None = None) -> Spec:
        """Return the spec with this limit or offset; None keeps the one that it has."""
        limit = self.limit if limit is None else limit
        offset = self.offset if offset is None else offset
        shape = self.shape._replace(limit=limit_of(limit), skipping=offset is not None)
        return self._replace(shape=shape, limit=limit, offset=offset)

    def within(self, rows: int) -> Spec:
        """Return the spec with at most ``rows`` rows, or the lower limit that it has."""
        return self.cut(limit=rows if self.limit is None else min(rows, self.limit))

    def scrolled(self, keyset: Keyset, position: tuple[Any, ...], rows: int) -> Spec:
        """Return the spec for at most ``rows`` rows from this position on."""
        shape = self.shape._replace(keyset=keyset, limit=limit_of(rows))
        return self._replace(shape=shape, position=position, limit=rows)

    def uncut(self) -> Spec:
        """Return the spec without limit and offset."""
        if not (self.is_cut or self.shape.skipping):
            return self
        shape = self.shape._replace(limit=None, skipping=False)
        return self._replace(shape=shape, limit=None, offset=None)

    @property
    def is_cut(self) -> bool:
        """True if it has a limit or an offset."""
        return self.limit is not None or self.offset is not None

    @property
    def binds_limit(self) -> bool:
        """True if the limit is bound as a value and does not stand in the statement."""
        return isinstance(self.shape.limit, str)

    @property
    def finds_nothing(self) -> bool:
        """True if no row can match: with a limit of 0, or a condition such as ``id__in=[]``."""
        if self.limit == 0 or matches_no_row(self.shape.where, self.values):
            return True
        if self.of is None or not self.of.finds_nothing:
            return False
        # No rows make no groups. But without GROUP BY there is one result, also about no rows.
        groups = groups_of(self.shape.model)
        return groups is not None and bool(groups.fields)

    @property
    def parameters(self) -> dict[str, Any]:
        """The values by the names of the statement's bind parameters."""
        found = bind_values(CONDITION_VALUE, self.values)
        if self.of is not None:
            found |= bind_values(ROW_CONDITION_VALUE, self.of.values)
        if self.binds_limit:
            found[LIMIT] = self.limit
        if self.offset is not None:
            found[OFFSET] = self.offset
        for index, value in enumerate(self.position):
            if value is not None:
                found[name_position(index)] = value
        if self.given:
            found |= expand_pairs(self.given)
        return found


@memoized
def spec_of_all_rows(model: type[Any]) -> Spec:
    """Return the spec for every row."""
    return Spec(Shape(model))
