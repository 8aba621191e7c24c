"""In charge of a statement's FROM: the root entity and, once a path, what is joined to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import FromClause, Select, inspect
from sqlalchemy.orm import join as orm_join

from colonnade.mapping import Relation
from colonnade.mapping.links import first_of, target_of

__all__ = ["Computed", "Sources"]


@dataclass(frozen=True, slots=True, eq=False)
class Computed(Relation):
    """A relation that no join follows: what it leads to is ``made`` of the sources it is in."""

    made: Callable[[Sources], Any]


class Sources:
    """Joins are outer ones: a row whose relation is empty stays, and NULL says what it is.

    None repeats a row: where a relation to one object may find several, the first is joined.
    """

    def __init__(self, root: Any) -> None:
        self.root = root
        #: The owner, what is joined to it, and on which condition.
        self._joined: dict[tuple[Relation, ...], tuple[Any, Any, Any]] = {}

    def joined(self, steps: tuple[Relation, ...]) -> Any:
        """The entity at the end of relations to one object, joined at the first call."""
        if not steps:
            return self.root
        if isinstance(steps[-1], Computed):
            return steps[-1].made(self)
        if steps not in self._joined:
            owner = self.joined(steps[:-1])
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
    def alone(self) -> bool:
        """Whether nothing is joined to the root."""
        return not self._joined

    def joining(self, statement: Select[Any]) -> Select[Any]:
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
