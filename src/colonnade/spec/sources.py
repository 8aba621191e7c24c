"""In charge of a statement's FROM: the root entity and, once a path, what is joined to it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select
from sqlalchemy.orm import aliased

from colonnade.mapping import Relation

__all__ = ["Sources"]


class Sources:
    """Joins are outer ones: a row whose relation is empty stays, and NULL says what it is."""

    def __init__(self, root: Any) -> None:
        self.root = root
        self._joined: dict[tuple[Relation, ...], tuple[Any, Any]] = {}

    def joined(self, steps: tuple[Relation, ...]) -> Any:
        """The entity at the end of relations to one object, joined at the first call."""
        if not steps:
            return self.root
        if steps not in self._joined:
            owner = self.joined(steps[:-1])
            target = aliased(steps[-1].target)
            self._joined[steps] = (target, getattr(owner, steps[-1].name).of_type(target))
        return self._joined[steps][0]

    def joining(self, statement: Select[Any]) -> Select[Any]:
        """The statement with every join that was asked for."""
        for target, path in self._joined.values():
            statement = statement.outerjoin(target, path)
        return statement
