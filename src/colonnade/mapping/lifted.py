"""In charge of relations that are followed without some of the target's scopes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final

from sqlalchemy import Table, inspect
from sqlalchemy.orm import aliased

from colonnade._compat.sqlalchemy_annotations import annotate_alias, annotation_of
from colonnade.mapping.model import Relation

__all__ = ["LiftedRelation", "lift", "lifted_for", "lifted_target", "table_of_model"]

_MARK: Final = "colonnade_lifted_scopes"


@dataclass(frozen=True, slots=True)
class LiftedRelation(Relation):
    """A relation to one object for which the scopes of the names in ``lifted`` do not hold.

    It equals no plain relation: what follows one shares no join with what follows the other.
    """

    lifted: frozenset[str]


def lift(relation: Relation, scopes: frozenset[str]) -> LiftedRelation:
    """Return the same relation, to be followed without these scopes."""
    own = {field.name: getattr(relation, field.name) for field in fields(Relation)}
    return LiftedRelation(**own, lifted=scopes)


def lifted_target(relation: LiftedRelation) -> Any:
    """Return an alias of the target, in which the scopes are lifted wherever it is compiled."""
    table = table_of_model(relation.target)
    assert table is not None
    return aliased(relation.target, annotate_alias(table.alias(), _MARK, relation.lifted))


def lifted_for(element: Any) -> frozenset[str]:
    """Return the names of the scopes that do not hold for an element of a statement."""
    return annotation_of(element, _MARK) or frozenset()


def table_of_model(model: type[Any]) -> Table | None:
    """Return the one table of a model; None for one that has several."""
    selectable: Any = inspect(model).selectable
    return selectable if isinstance(selectable, Table) else None
