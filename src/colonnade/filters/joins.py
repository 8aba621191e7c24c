"""In charge of a statement's FROM: the root entity and, once a path, what is joined to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import FromClause, Select, inspect
from sqlalchemy.orm import join as orm_join

from colonnade.mapping import Relation
from colonnade.mapping.links import first_of, target_of

__all__ = ["ComputedRelation", "JoinTree"]


@dataclass(frozen=True, slots=True, eq=False)
class ComputedRelation(Relation):
    """A relation that no join follows: what it leads to is ``made`` of the sources it is in."""

    build: Callable[[JoinTree], Any]


class JoinTree:
    """Joins are outer ones: a row whose relation is empty stays, and NULL says what it is.

    None repeats a row: where a relation to one object may find several, the first is joined.
    """

    def __init__(self, root: Any) -> None:
        self.root = root
        #: The owner, what is joined to it, and on which condition.
        self._joined: dict[tuple[Relation, ...], tuple[Any, Any, Any]] = {}

    def join_path(self, steps: tuple[Relation, ...]) -> Any:
        """The entity at the end of relations to one object, joined at the first call."""
        if not steps:
            return self.root
        if isinstance(steps[-1], ComputedRelation):
            return steps[-1].build(self)
        if steps not in self._joined:
            owner = self.join_path(steps[:-1])
            last = steps[-1]
            target = target_of(last)
            path = (
                first_of(owner, last, target)
                if last.multiplies
                else getattr(owner, last.name).of_type(target)
            )
            self._joined[steps] = (owner, target, path)
        return self._joined[steps][1]

    @property
    def is_alone(self) -> bool:
        """Whether nothing is joined to the root."""
        return not self._joined

    def apply_joins(self, statement: Select[Any]) -> Select[Any]:
        """The statement with every join that was asked for."""
        for steps, (owner, target, path) in self._joined.items():
            if steps[-1].multiplies:
                statement = statement.outerjoin_from(owner, target, path)
            else:
                statement = statement.outerjoin(target, path)
        return statement

    def from_clause(self) -> FromClause:
        """The root with all that is joined to it."""
        found: Any = self.root
        for _, target, path in self._joined.values():
            found = orm_join(found, target, path, isouter=True)
        clause: FromClause = inspect(found).selectable
        return clause
