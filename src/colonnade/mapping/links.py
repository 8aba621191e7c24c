"""The SQL of following a relation: its aliases, its joins, and the first of several objects.

``LiftedRelation`` is a relation that is followed without some of the target's scopes.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final

from sqlalchemy import ColumnElement, Integer, Table, and_, inspect, literal_column, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import aliased
from sqlalchemy.orm import join as orm_join
from sqlalchemy.sql.elements import Grouping
from sqlalchemy.sql.selectable import FromGrouping
from sqlalchemy.sql.util import ClauseAdapter

from colonnade._compat.sqlalchemy_annotations import annotate_alias, annotation_of
from colonnade._compat.sqlalchemy_compiled import note_joined
from colonnade.mapping.model import Relation, mapping_of

__all__ = [
    "LiftedRelation",
    "build_first_condition",
    "build_link",
    "lift_relation",
    "lifted_for",
    "lifted_target",
    "table_of_model",
    "target_of",
]

_MARK: Final = "colonnade_lifted_scopes"


@dataclass(frozen=True, slots=True)
class LiftedRelation(Relation):
    """A relation to one object for which the scopes of the names in ``lifted`` do not hold.

    It equals no plain relation: what follows one shares no join with what follows the other.
    """

    lifted: frozenset[str]


def lift_relation(relation: Relation, scopes: frozenset[str]) -> LiftedRelation:
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


def target_of(relation: Relation) -> Any:
    """Return a new alias of what the relation leads to."""
    if isinstance(relation, LiftedRelation):
        return lifted_target(relation)
    return aliased(relation.target)


def build_link(owner: Any, relation: Relation, children: Any) -> tuple[Any, ColumnElement[bool]]:
    """Return where the ``children`` of an owner are selected from, and what ties them to it.

    Both are entities. A link table is part of the first, and so is, of the second, that the rows
    are those of a class which shares its table with others.
    """
    # An outer join keeps the link table on the side of the children.
    found = orm_join(owner, children, getattr(owner, relation.name).of_type(children), isouter=True)
    assert found.onclause is not None
    source: Any = found.right
    return source.element if isinstance(source, FromGrouping) else source, found.onclause


def build_first_condition(owner: Any, relation: Relation, target: Any) -> ColumnElement[bool]:
    """Return the condition that ``target`` is the first of those that the relation leads to."""
    children = target_of(relation)
    source, tied = build_link(owner, relation, children)
    key = mapping_of(relation.target).key
    order = [
        *_own_order(owner, relation, children, source),
        *(getattr(children, name) for name in key),
    ]

    def first(name: str) -> Any:
        found = select(getattr(children, name)).select_from(source).where(tied).order_by(*order)
        return found.limit(literal_column("1", Integer)).correlate(owner).scalar_subquery()

    found = and_(*(getattr(target, name) == first(name) for name in key))
    return _FirstOf(found, inspect(owner).selectable, inspect(target).selectable)


class _FirstOf(Grouping[bool]):
    """A condition that ties two tables by a subquery, where SQLAlchemy sees no tie.

    On MySQL it would warn then that each row of the one is joined to each row of the other.
    """

    inherit_cache = True

    def __init__(self, condition: ColumnElement[bool], owner: Any, target: Any) -> None:
        super().__init__(condition)
        self.ends = (owner, target)


@compiles(_FirstOf)
def _compile_first_of(element: _FirstOf, compiler: Any, **options: Any) -> str:
    note_joined(options, *element.ends)
    text: str = compiler.process(element.element, **options)
    return text


def _own_order(owner: Any, relation: Relation, children: Any, source: Any) -> list[Any]:
    """Return the order that the relation declares, by the columns of these children."""
    prop: Any = inspect(owner).mapper.relationships[relation.name]
    adapters = [ClauseAdapter(inspect(children).selectable)]
    if relation.secondary is not None:
        adapters.append(ClauseAdapter(source.left))
    order = list(prop.order_by or ())
    for adapter in adapters:
        order = [adapter.traverse(term) for term in order]
    return order
