"""In charge of what is asked, as frozen values: the shape and, apart from it, what is bound.

Two questions of one shape share one statement, whatever their values are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from colonnade.filters import Conditions, Node
from colonnade.mapping import Relation, memoized
from colonnade.ordering import Term
from colonnade.spec.keyset import Keyset
from colonnade.spec.values import bound

__all__ = ["Lock", "Shape", "Sorted", "Spec", "unsorted_paths", "whole"]


@dataclass(frozen=True, slots=True)
class Lock:
    """The rows are locked for the unit; those that another unit has locked are waited for.

    ``skip_locked`` leaves them out, ``nowait`` is a refusal instead of a wait.
    """

    skip_locked: bool = False
    nowait: bool = False


#: Paths to collections, each with the order that was asked for.
Sorted: TypeAlias = tuple[tuple[tuple[Relation, ...], tuple[Term, ...]], ...]


def unsorted_paths(
    load: tuple[tuple[Relation, ...], ...], sorted_: Sorted
) -> tuple[tuple[Relation, ...], ...]:
    """The paths that neither are sorted nor lead through what is."""
    return tuple(path for path in load if not any(path[: len(own)] == own for own, _ in sorted_))


class Shape(NamedTuple):
    """What makes a statement: conditions, order, relations to load, and how it is cut.

    The limit is a part of it: a database that does not know it when it plans plans for all rows.
    ``sorted`` are the collections among those to load that have an order of their own.
    Where the model stands for groups, ``of`` is the shape of the rows that are grouped.
    """

    model: type[Any]
    where: tuple[Node, ...] = ()
    order: tuple[Term, ...] = ()
    load: tuple[tuple[Relation, ...], ...] = ()
    sorted: Sorted = ()
    limit: int | None = None
    skipping: bool = False
    of: Shape | None = None
    keyset: Keyset | None = None
    lock: Lock | None = None


class Spec(NamedTuple):
    """A shape and the values for its leaves, in order.

    A ``raw`` spec has an SQL expression of the caller's own among its conditions, and a statement
    of its own; otherwise its shape's statement serves. ``of`` asks for the rows that are grouped.
    """

    shape: Shape
    values: tuple[Any, ...] = ()
    raw: bool = False
    offset: int | None = None
    position: tuple[Any, ...] = ()
    of: Spec | None = None

    def grouped(self, rows: Spec) -> Spec:
        """The same about the groups of these rows."""
        shape = self.shape._replace(of=rows.shape)
        return self._replace(shape=shape, raw=self.raw or rows.raw, of=rows)

    def filtered(self, nodes: tuple[Node, ...], values: tuple[Any, ...], raw: bool = False) -> Spec:
        """With these conditions too."""
        shape = self.shape._replace(where=(*self.shape.where, *nodes))
        return self._replace(shape=shape, values=(*self.values, *values), raw=self.raw or raw)

    def where(self, conditions: Conditions) -> Spec:
        """With these conditions too."""
        return self.filtered(conditions.nodes, conditions.values, conditions.raw)

    @property
    def limit(self) -> int | None:
        """The most rows to answer with."""
        return self.shape.limit

    def cut(self, *, limit: int | None = None, offset: int | None = None) -> Spec:
        """With this limit or offset in place of the one before; None leaves it as it is."""
        limit = self.limit if limit is None else limit
        offset = self.offset if offset is None else offset
        shape = self.shape._replace(limit=limit, skipping=offset is not None)
        return self._replace(shape=shape, offset=offset)

    def within(self, rows: int) -> Spec:
        """With at most ``rows`` rows, or the lower limit that it has."""
        return self.cut(limit=rows if self.limit is None else min(rows, self.limit))

    def scrolled(self, keyset: Keyset, position: tuple[Any, ...], rows: int) -> Spec:
        """At most ``rows`` rows from this position on."""
        shape = self.shape._replace(keyset=keyset, limit=rows)
        return self._replace(shape=shape, position=position)

    def uncut(self) -> Spec:
        """Without limit and offset."""
        if not (self.is_cut or self.shape.skipping):
            return self
        return self._replace(shape=self.shape._replace(limit=None, skipping=False), offset=None)

    @property
    def is_cut(self) -> bool:
        """Whether it has a limit or an offset."""
        return self.limit is not None or self.offset is not None

    @property
    def parameters(self) -> dict[str, Any]:
        """What the statement binds."""
        found = bound("v", self.values)
        if self.of is not None:
            found |= bound("r", self.of.values)
        if self.offset is not None:
            found["offset"] = self.offset
        for index, value in enumerate(self.position):
            if value is not None:
                found[f"k{index}"] = value
        return found


@memoized
def whole(model: type[Any]) -> Spec:
    """What asks for every row."""
    return Spec(Shape(model))
