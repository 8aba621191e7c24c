"""In charge of what is asked, as frozen values: the shape and, apart from it, what is bound.

Two questions of one shape share one statement, whatever their values are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement

from colonnade.filters import Node
from colonnade.mapping import Relation
from colonnade.ordering import Term

__all__ = ["Shape", "Spec"]


@dataclass(frozen=True, slots=True)
class Shape:
    """What makes a statement: conditions, order, relations to load, and whether it is cut."""

    model: type[Any]
    where: tuple[Node, ...] = ()
    order: tuple[Term, ...] = ()
    load: tuple[tuple[Relation, ...], ...] = ()
    limited: bool = False
    skipping: bool = False


@dataclass(frozen=True, slots=True)
class Spec:
    """A shape, the values for its leaves in order, and the caller's own SQL expressions.

    A spec with expressions has a statement of its own; without, its shape's statement serves.
    """

    shape: Shape
    values: tuple[Any, ...] = ()
    expressions: tuple[ColumnElement[bool], ...] = ()
    limit: int | None = None
    offset: int | None = None

    def filtered(self, nodes: tuple[Node, ...], values: tuple[Any, ...]) -> Spec:
        """With these conditions too."""
        shape = replace(self.shape, where=(*self.shape.where, *nodes))
        return replace(self, shape=shape, values=(*self.values, *values))

    def cut(self, *, limit: int | None = None, offset: int | None = None) -> Spec:
        """With this limit or offset in place of the one before; None leaves it as it is."""
        limit = self.limit if limit is None else limit
        offset = self.offset if offset is None else offset
        shape = replace(self.shape, limited=limit is not None, skipping=offset is not None)
        return replace(self, shape=shape, limit=limit, offset=offset)

    def within(self, rows: int) -> Spec:
        """With at most ``rows`` rows, or the lower limit that it has."""
        return self.cut(limit=rows if self.limit is None else min(rows, self.limit))

    def uncut(self) -> Spec:
        """Without limit and offset."""
        shape = replace(self.shape, limited=False, skipping=False)
        return replace(self, shape=shape, limit=None, offset=None)

    @property
    def parameters(self) -> dict[str, Any]:
        """What the statement binds."""
        bound = {f"v{index}": value for index, value in enumerate(self.values)}
        if self.limit is not None:
            bound["limit"] = self.limit
        if self.offset is not None:
            bound["offset"] = self.offset
        return bound
