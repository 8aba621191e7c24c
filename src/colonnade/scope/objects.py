"""Check the objects that a flush would write against the scopes of their unit of work.

``check_objects`` fills in the scope columns of new objects, refuses values of another tenant, and
returns the lookups that prove every other row referred to to be in scope. ``writes`` does the same
for statements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import Column, Table, inspect
from sqlalchemy.orm import InstanceState, Mapper, PassiveFlag, RelationshipDirection
from sqlalchemy.orm.attributes import flag_modified
from sqlalchemy.sql.elements import ClauseElement, Null

from colonnade.errors import OutOfScope, UsageError
from colonnade.scope.bindings import Bindings
from colonnade.scope.defaults import (
    NOTHING,
    UNKNOWN,
    default_value_of,
    may_replace_rows,
    may_skip_rows,
)
from colonnade.scope.references import Lookups, Reference, key_reference, scoped_references_of
from colonnade.scope.rules import relations_to_scoped, rules_of
from colonnade.scope.writes import is_target_in_scope, scope_columns_of, unknowable_write_error

__all__ = ["check_objects", "scope_values_of"]

State: TypeAlias = InstanceState[Any]


def scope_values_of(model: type[Any], bindings: Bindings) -> dict[str, Any]:
    """Return the scope attributes of a new row, with the session's values.

    Raises ``ScopeUnbound``.
    """
    table: Any = inspect(model).local_table
    return {name: value for name, (_, value) in scope_columns_of(rules_of(table), bindings).items()}


def check_objects(
    new: Iterable[State],
    changed: Iterable[State],
    deleted: Iterable[State],
    bindings: Bindings,
    known: Callable[[Mapper[Any], tuple[Any, ...]], bool],
    suspect: Callable[[State], bool],
) -> Lookups:
    """Fill in new objects, refuse values of another tenant, and return what is to be looked up.

    ``known`` tells whether the session holds the row of a key and the row is surely in scope;
    ``suspect`` tells whether an object in the session may be out of scope. Raises ``OutOfScope``,
    ``ScopeUnbound``, or ``UsageError`` for what cannot be checked.
    """
    check = _FlushCheck(bindings, known, suspect)
    new = list(new)
    for state in new:
        if may_replace_rows(state.mapper.local_table):
            check.refuse_replacing(state)
        check.row(state, None)
    for state in changed:
        check.own(state)
        check.row(state, state.committed_state.keys())
    for state in deleted:
        check.own(state)
    if not check.lookups.asked:
        return check.lookups
    # References between new rows need no lookup. They do if a constraint may leave out a new row
    # silently, since then a row of another tenant may have its key.
    by_table: dict[Table, list[dict[str, Any]]] = {}
    for state in new:
        table = state.mapper.local_table
        if isinstance(table, Table):
            by_table.setdefault(table, []).append(_column_values(state))
    for table, rows in by_table.items():
        if not may_skip_rows(table):
            check.lookups.writing(table, rows)
    return check.lookups


class _FlushCheck:
    """One check of a flush: the plan for each class of object, and the lookups found so far."""

    def __init__(
        self,
        bindings: Bindings,
        known: Callable[[Mapper[Any], tuple[Any, ...]], bool],
        suspect: Callable[[State], bool],
    ) -> None:
        self.bindings = bindings
        self.known = known
        self.suspect = suspect
        self.lookups = Lookups()
        self.plans: dict[Mapper[Any], _ClassPlan] = {}

    def plan(self, mapper: Mapper[Any]) -> _ClassPlan:
        found = self.plans.get(mapper)
        if found is None:
            found = self.plans[mapper] = _ClassPlan.of(mapper, self.bindings)
        return found

    def row(self, state: State, changes: AbstractSet[str] | None) -> None:
        """Check an object that is inserted (``changes`` is None) or updated in ``changes``."""
        plan = self.plan(state.mapper)
        values = state.dict
        # First, so that a value from ``onupdate`` is checked like one that the user has set.
        if changes is not None and plan.updated:
            changes = changes | self.updated_by_itself(state, plan, changes)
        for name, (scope, value) in plan.columns.items():
            if changes is None and values.get(name) is None:
                setattr(state.obj(), name, value)
            elif (changes is None or name in changes) and values.get(name) != value:
                raise OutOfScope.another(state.class_.__name__, name, scope)
        for names, reference in plan.references:
            if changes is None or not changes.isdisjoint(names):
                if changes is None:
                    self.fill_by_itself(state, names, reference)
                # A foreign key with a NULL in it refers to no row; an expression cannot be checked.
                key = tuple(values.get(name) for name in names)
                if any(item is None or isinstance(item, Null) for item in key):
                    continue
                if any(isinstance(item, ClauseElement) for item in key):
                    model = state.class_.__name__
                    lifted = (scope.name for scope in reference.rules.scopes)
                    raise unknowable_write_error(
                        f"an expression for the {names[0]} of {model}", lifted, model
                    )
                self.refer(reference, key)
        for name in plan.relations:
            if name in values and (changes is None or name in changes):
                self.related(state, name)

    def fill_by_itself(self, state: State, names: tuple[str, ...], reference: Reference) -> None:
        """Set the defaults of a reference's columns on a new object, so that they are checked."""
        for name, column in zip(names, reference.columns, strict=True):
            # A relation brings its own key.
            if state.dict.get(name) is not None or _is_set_by_relation(state, column):
                continue
            value = default_value_of(column, updating=False)
            if value is UNKNOWN:
                raise self.unknowable(state, name, reference)
            if value is not NOTHING:
                setattr(state.obj(), name, value)

    def updated_by_itself(
        self, state: State, plan: _ClassPlan, changes: AbstractSet[str]
    ) -> AbstractSet[str]:
        """Set the attributes that ``onupdate`` changes, and return their names."""
        found: set[str] = set()
        for name, column, reference in plan.updated:
            if name in changes:
                continue
            value = default_value_of(column, updating=True)
            if value is UNKNOWN:
                raise self.unknowable(state, name, reference)
            setattr(state.obj(), name, value)
            # Also when the row has this value already: without a change SQLAlchemy would call
            # ``onupdate`` once more, and write what that call returns.
            flag_modified(state.obj(), name)
            found.add(name)
        return found

    def refuse_replacing(self, state: State) -> None:
        """Raise ``UsageError``: INSERT OR REPLACE may delete a row of another tenant."""
        rules = rules_of(state.mapper.local_table)
        if lifted := [scope.name for scope in self.bindings.active(rules)]:
            model = state.class_.__name__
            raise unknowable_write_error(f"INSERT OR REPLACE of {model}", lifted, model)

    def unknowable(self, state: State, name: str, reference: Reference | None) -> UsageError:
        model = state.class_.__name__
        rules = rules_of(state.mapper.local_table) if reference is None else reference.rules
        lifted = [scope.name for scope in self.bindings.active(rules)]
        return unknowable_write_error(f"what the {name} of {model} gets by itself", lifted, model)

    def refer(self, reference: Reference, key: tuple[Any, ...]) -> None:
        """Have a key looked up, unless the session holds its row in scope."""
        mapper = inspect(reference.rules.model)
        by_key = reference.remote == tuple(mapper.primary_key)
        if not (by_key and self.known(mapper, key)):
            self.lookups.add(reference, key)

    def related(self, state: State, name: str) -> None:
        """Check the objects that a relation gains: the flush links them, or writes their keys."""
        # Nothing is loaded for this: only objects that were added in memory matter.
        history = state.get_history(name, PassiveFlag.PASSIVE_NO_INITIALIZE)
        for item in history.added or ():
            if item is not None:
                self.own(inspect(item))

    def own(self, state: State) -> None:
        """Have an existing row looked up if it may be out of scope."""
        rules = rules_of(state.mapper.local_table)
        if rules is None or not state.key or not self.bindings.active(rules):
            return
        if self.suspect(state):
            table: Any = state.mapper.local_table
            self.lookups.add(key_reference(table, rules), tuple(state.key[1]))


@dataclass(frozen=True, slots=True)
class _ClassPlan:
    """The attributes of one class that have to be checked, under one session's bindings."""

    columns: dict[str, tuple[str, Any]]
    references: list[tuple[tuple[str, ...], Reference]]
    relations: tuple[str, ...]
    #: Attributes with ``onupdate``, each with its reference (None for a scope's own column).
    updated: list[tuple[str, Column[Any], Reference | None]]

    @classmethod
    def of(cls, mapper: Mapper[Any], bindings: Bindings) -> _ClassPlan:
        rules = rules_of(mapper.local_table)
        columns = scope_columns_of(rules, bindings)
        by_column = {
            mapper.column_attrs[name].columns[0].key: scope for name, (scope, _) in columns.items()
        }
        found: list[tuple[tuple[str, ...], Reference]] = []
        for reference in scoped_references_of(mapper.local_table, bindings):
            names = tuple(mapper.get_property_by_column(column).key for column in reference.columns)
            if not is_target_in_scope(reference, by_column):
                found.append((names, reference))
        relations = tuple(
            name for name in relations_to_scoped(mapper) if not mapper.relationships[name].viewonly
        )
        looked_at: list[tuple[str, Any, Reference | None]] = [
            (name, mapper.column_attrs[name].columns[0], None) for name in columns
        ]
        looked_at += [
            (name, column, reference)
            for names, reference in found
            for name, column in zip(names, reference.columns, strict=True)
        ]
        updated = [item for item in looked_at if _has_onupdate(item[1])]
        return cls(columns, found, relations, updated)


def _has_onupdate(column: Column[Any]) -> bool:
    return column.onupdate is not None or column.server_onupdate is not None


def _is_set_by_relation(state: State, column: Column[Any]) -> bool:
    """Return whether a to-one relation is set from which the flush takes the column's value."""
    return any(
        state.dict.get(relation.key) is not None
        for relation in state.mapper.relationships
        if relation.direction is RelationshipDirection.MANYTOONE
        and column in relation.local_columns
    )


def _column_values(state: State) -> dict[str, Any]:
    """Return an object's values by the keys of their columns."""
    return {prop.columns[0].key: state.dict.get(prop.key) for prop in state.mapper.column_attrs}
