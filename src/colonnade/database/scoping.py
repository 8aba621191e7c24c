"""In charge of keeping one session to its scopes: what it executes, flushes and holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from weakref import WeakSet

from sqlalchemy import Connection, Engine, Insert, inspect
from sqlalchemy.orm import FromStatement, InstanceState, Mapper, ORMExecuteState, Session

from colonnade.database.rows import Prepared
from colonnade.errors import UsageError
from colonnade.scope import (
    UNSCOPED,
    Bindings,
    Lookups,
    any_rules,
    check_objects,
    checked,
    options_for,
    references,
    relations_to_scoped,
    require,
    rules_of,
)

__all__ = ["Scoping"]

_SCHEMAS: Final = "schema_translate_map"


class Scoping:
    """One session's bindings, and the hooks that hold it to them."""

    __slots__ = ("_suspects", "bindings")

    def __init__(self, bindings: Bindings) -> None:
        self.bindings = bindings
        #: Objects that came from elsewhere, or were read under other bindings.
        self._suspects: WeakSet[InstanceState[Any]] = WeakSet()

    def prepare(self, state: ORMExecuteState, connection: Connection | None) -> None:
        """Before a statement: check its values if it writes, and give it the session's bindings.

        A write that refers to rows of models with scopes looks them up, with one SELECT for each
        table referred to. Raises ``ScopeUnbound`` or ``OutOfScope``.
        """
        given = state.execution_options
        bindings = self.bindings.lifting_all() if given.get(UNSCOPED) else self.bindings
        if state.is_insert or state.is_update:
            self._check(state, bindings)
        options = self._options(
            state.session.get_bind(), state.statement, connection, bindings, given.get(_SCHEMAS)
        )
        state.update_execution_options(**options)

    def rows_options(
        self, bind: Connection | Engine, statement: Any, connection: Connection | None
    ) -> Mapping[str, Any]:
        """The same for a SELECT that does not pass the ORM: the options to execute it with."""
        if not any_rules():
            return {}
        plain = statement.statement if isinstance(statement, Prepared) else statement
        if plain.is_dml:
            raise UsageError("rows() is for SELECT", hint="execute() is for what writes")
        return self._options(bind, plain, connection, self.bindings, None)

    def _options(
        self,
        bind: Connection | Engine,
        statement: Any,
        connection: Connection | None,
        bindings: Bindings,
        schemas: Any,
    ) -> dict[str, Any]:
        if not bindings.complete:
            require(statement, bindings)
        if schemas is None:
            schemas = (connection or bind).get_execution_options().get(_SCHEMAS)
        return options_for(bind.dialect, bindings, schemas)

    def _check(self, state: ORMExecuteState, bindings: Bindings) -> None:
        statement: Any = state.statement
        inner = statement.element if isinstance(statement, FromStatement) else statement
        write = checked(inner, state.parameters, bindings)
        if write is None:
            return
        if write.statement is not inner:
            if inner is not statement:
                raise UsageError(
                    "an INSERT inside of from_statement() cannot be filled by the scope",
                    hint="name the scope's column, or execute the INSERT itself",
                )
            state.statement = write.statement
        _look_up(state.session, write.lookups)

    def flushing(self, session: Session) -> None:
        """Before a flush: fill and check the objects that it would write."""
        if not any_rules():
            return
        deleted = [inspect(item) for item in session.deleted]
        changed = [inspect(item) for item in session.dirty]
        new = [inspect(item) for item in session.new]
        self._look_at(session, new, changed, deleted)
        self._suspects.difference_update({*changed, *deleted})

    def inserting(
        self, session: Session, mapper: Mapper[Any], states: Sequence[InstanceState[Any]]
    ) -> None:
        """Fill and check new objects of one class, whose rows are inserted past a flush.

        Raise ``ScopeUnbound`` or ``OutOfScope``.
        """
        table = mapper.local_table
        if rules_of(table) is not None or references(table, self.bindings):
            self._look_at(session, states, (), ())

    def inserting_rows(
        self, session: Session, statement: Insert, rows: Sequence[dict[str, Any]]
    ) -> Insert:
        """Return the INSERT that these rows may be sent with, which are checked and of no objects.

        Raise ``ScopeUnbound`` or ``OutOfScope``.
        """
        write = checked(statement, rows, self.bindings)
        if write is None:
            return statement
        _look_up(session, write.lookups)
        found: Insert = write.statement
        return found

    def _look_at(
        self,
        session: Session,
        new: Sequence[InstanceState[Any]],
        changed: Sequence[InstanceState[Any]],
        deleted: Sequence[InstanceState[Any]],
    ) -> None:
        def known(mapper: Mapper[Any], key: tuple[Any, ...]) -> bool:
            held = session.identity_map.get(mapper.identity_key_from_primary_key(key))
            return held is not None and inspect(held) not in self._suspects

        lookups = check_objects(new, changed, deleted, self.bindings, known, self._suspected)
        _look_up(session, lookups)

    def _suspected(self, state: InstanceState[Any]) -> bool:
        return state in self._suspects

    def suspect(self, state: InstanceState[Any]) -> None:
        """An object that was read elsewhere is the session's from now on."""
        if rules_of(state.mapper.local_table) is not None:
            self._suspects.add(state)

    def hides(self, mapper: Mapper[Any], options: Mapping[str, Any]) -> bool:
        """Whether what the session holds must not answer in place of the database."""
        return bool(self.bindings.active(rules_of(mapper.local_table))) and not options.get(
            UNSCOPED
        )

    def refuse_bulk(self, mapper: Mapper[Any]) -> None:
        """Refuse what writes rows without telling anybody, for a model that scopes concern."""
        table = mapper.local_table
        if self.bindings.active(rules_of(table)) or references(table, self.bindings):
            raise UsageError(
                "bulk_save_objects() and its like would pass by the scopes of "
                f"{mapper.class_.__name__}",
                hint="session.execute(insert(Model), rows), or add_all()",
                model=mapper.class_.__name__,
            )

    def rebind(self, session: Session, bindings: Bindings) -> None:
        """Other values from now on: what was read under the old ones proves nothing any more.

        Relations to models with scopes are forgotten, since what they hold was read so too.
        """
        if bindings == self.bindings:
            return
        self.bindings = bindings
        for state in session.identity_map.all_states():
            self.suspect(state)
            loaded = [name for name in relations_to_scoped(state.mapper) if name in state.dict]
            item = state.obj()
            if loaded and item is not None:
                session.expire(item, loaded)


def _look_up(session: Session, lookups: Lookups) -> None:
    for statement, count, error in lookups.statements():
        found = session.execute(statement).all()
        if len(found) < count:
            raise error
