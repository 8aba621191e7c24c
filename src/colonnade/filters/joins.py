"""The FROM of a statement: the root entity and the joins to what paths lead to, each once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import FromClause, Select, inspect
from sqlalchemy.orm import join as orm_join

from colonnade.mapping import Relation
from colonnade.mapping.links import build_first_condition, target_of

__all__ = ["ComputedRelation", "JoinTree"]


@dataclass(frozen=True, slots=True, eq=False)
class ComputedRelation(Relation):
    """A relation that no join follows: ``build`` makes its target from the join tree."""

    build: Callable[[JoinTree], Any]


class JoinTree:
    """The joins of one statement: each path of relations to one object is joined once.

    Joins are outer ones: a row whose relation is empty stays, and has NULL for the other side. No
    join repeats a row: where a relation to one object may find several, the first is joined.
    """

    def __init__(self, root: Any) -> None:
        self.root = root
        #: By path: the owner, the target joined to it, and the ON condition or the relation.
        self._joined: dict[tuple[Relation, ...], tuple[Any, Any, Any]] = {}

    def join_path(self, steps: tuple[Relation, ...]) -> Any:
        """Return the entity at the end of relations to one object; join it at the first call."""
        if not steps:
            return self.root
        if isinstance(steps[-1], ComputedRelation):
            return steps[-1].build(self)
        if steps not in self._joined:
            owner = self.join_path(steps[:-1])
            last = steps[-1]
            target = target_of(last)
            # Where several objects may match, a plain join would repeat the owner.
            path = (
                build_first_condition(owner, last, target)
                if last.multiplies
                else getattr(owner, last.name).of_type(target)
            )
            self._joined[steps] = (owner, target, path)
        return self._joined[steps][1]

    @property
    def is_alone(self) -> bool:
        """True if nothing is joined to the root."""
        return not self._joined

    def apply_joins(self, statement: Select[Any]) -> Select[Any]:
        """Return the statement with all joins added."""
        for steps, (owner, target, path) in self._joined.items():
            if steps[-1].multiplies:
                statement = statement.outerjoin_from(owner, target, path)
            else:
                statement = statement.outerjoin(target, path)
        return statement

    def from_clause(self) -> FromClause:
        """Return the root joined with everything, as a FROM clause."""
        found: Any = self.root
        for _, target, path in self._joined.values():
            found = orm_join(found, target, path, isouter=True)
        clause: FromClause = inspect(found).selectable
        return clause
