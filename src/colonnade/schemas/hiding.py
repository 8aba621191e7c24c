"""Check fields of single objects that a scope may hide: such a field must take None.

If a scope hides deleted films, a rental of one has None as its film. A schema that takes no None
there would break every list of rentals. ``Unscoped`` lifts the scope for one field.
"""

from __future__ import annotations

from collections.abc import Iterator

from colonnade.aggregates import groups_of
from colonnade.aggregates.resolve import declared_fields
from colonnade.errors import InvalidSchema
from colonnade.mapping import Relation, did_you_mean, mapping_of
from colonnade.mapping.links import LiftedRelation, lift_relation, table_of_model
from colonnade.schemas.annotations import Unscoped, allows_none
from colonnade.schemas.plan import Plan
from colonnade.scope import scopes_hiding, scopes_of

__all__ = ["check_hidden", "lift_known_scopes", "lift_scopes"]


def lift_scopes(relation: Relation, unscoped: Unscoped, field: str) -> Relation:
    """Return the relation without the scopes that a field lifts.

    Raises ``InvalidSchema`` for a scope that the target does not have, and for a target of several
    tables.
    """
    target = relation.target.__name__
    if table_of_model(relation.target) is None:
        raise InvalidSchema(f"{field}: {target} has several tables, and no scope is lifted there")
    known = {scope.name for scope in scopes_of(relation.target)}
    for name in unscoped.names:
        if name not in known:
            raise InvalidSchema(
                f"{field}: {target} has no scope {name!r}",
                hint=did_you_mean(name, known, target) if known else "leave out Unscoped",
                model=target,
                fields=(field.partition(".")[2],),
            )
    return lift_relation(relation, frozenset(unscoped.names))


def lift_known_scopes(
    relation: Relation, unscoped: Unscoped | None
) -> tuple[Relation, frozenset[str]]:
    """Return the relation without the scopes of ``unscoped`` that its target has, and their names.

    Other relations, such as collections, are returned unchanged.
    """
    if unscoped is None or relation.many or table_of_model(relation.target) is None:
        return relation, frozenset()
    known = {scope.name for scope in scopes_of(relation.target)}
    names = known.intersection(unscoped.names)
    return (lift_relation(relation, frozenset(names)) if names else relation), frozenset(names)


def check_hidden(plan: Plan) -> None:
    """Raise ``InvalidSchema`` for a field that takes no None if a scope may hide its object."""
    for field, steps in _required_objects(plan):
        owner = _model_of_plan(plan)
        for step in steps:
            hiding = _hiding_scopes(owner, step)
            if hiding:
                _refuse_hidden(plan, field, step, hiding)
            owner = step.target
    for nested in (*plan.ones, *plan.many):
        check_hidden(nested.plan)


def _required_objects(plan: Plan) -> Iterator[tuple[str, tuple[Relation, ...]]]:
    """Yield the fields that take no None, each with the relations to the object that fills it."""
    for nested in plan.ones:
        if not nested.takes_none:
            yield nested.field, (nested.relation,)
    groups = groups_of(plan.model)
    if groups is None:
        return
    fields = {item.column.name: name for name, item in mapping_of(plan.model).columns.items()}
    for item in groups.groupings:
        name = fields[item.label]
        field = declared_fields(plan.schema).get(name)
        if field is not None and not allows_none(field.annotation):
            yield name, item.steps


def _model_of_plan(plan: Plan) -> type:
    groups = groups_of(plan.model)
    return plan.model if groups is None else groups.model


def _hiding_scopes(owner: type, relation: Relation) -> list[str]:
    """Return the names of the scopes that may hide the object at the end of ``relation``."""
    free = relation.lifted if isinstance(relation, LiftedRelation) else frozenset()
    return [name for name in scopes_hiding(owner, relation.target) if name not in free]


def _refuse_hidden(plan: Plan, field: str, relation: Relation, hiding: list[str]) -> None:
    target = relation.target.__name__
    spelled = " or ".join(f"{name!r}" for name in hiding)
    names = ", ".join(f'"{name}"' for name in hiding)
    hint = "annotate it as … | None"
    if any(nested.field == field for nested in plan.ones):
        hint += f", or lift the scope for it: Annotated[…, Unscoped({names})]"
    raise InvalidSchema(
        f"{plan.schema.__name__}.{field} takes no None, and the scope {spelled} of {target} may "
        "hide what belongs there",
        hint=hint,
        model=_model_of_plan(plan).__name__,
        fields=(field,),
    )
