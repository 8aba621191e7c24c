"""In charge of keeping one session to its scopes: what it executes, flushes and holds."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final
from weakref import WeakSet

from sqlalchemy import Connection, Engine, Insert, StatementLambdaElement, Table, inspect
from sqlalchemy.orm import FromStatement, InstanceState, Mapper, ORMExecuteState, Session
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.schema import ExecutableDDLElement
from sqlalchemy.sql.selectable import Selectable

from colonnade.database.rows import Prepared
from colonnade.errors import UsageError
from colonnade.scope import (
    UNSCOPED,
    Bindings,
    Lookups,
    Part,
    any_rules,
    carried,
    check_objects,
    checked,
    options_for,
    references,
    relations_to_scoped,
    require,
    rules_of,
    tables_in,
)

__all__ = ["Scoping", "forget_unwritten"]

_SCHEMAS: Final = "schema_translate_map"


_log: Final = logging.getLogger("colonnade")


class Scoping:
    """One session's bindings, and the hooks that hold it to them."""

    __slots__ = ("_began", "_effective", "_kept", "_parts", "_suspects")

    def __init__(self, bindings: Bindings) -> None:
        self._began = bindings
        #: The parts of the unit that the session is in; they may end in any order.
        self._parts: list[Part] = []
        self._effective = bindings
        #: Those of a stream that began under others, while it reads its next rows.
        self._kept: Bindings | None = None
        #: Objects that came from elsewhere, or were read under other bindings.
        self._suspects: WeakSet[InstanceState[Any]] = WeakSet()

    @property
    def bindings(self) -> Bindings:
        """Those that hold now."""
        return self._effective if self._kept is None else self._kept

    def enter(self, session: Session, part: Part) -> None:
        """Begin a part of the unit with bindings of its own."""
        self._parts.append(part)
        self._rebind(session)

    def leave(self, session: Session, part: Part) -> None:
        """End a part of the unit: what holds then is what the parts that go on say."""
        self._parts.remove(part)
        self._rebind(session)

    @contextmanager
    def keeping(self, session: Session, bindings: Bindings) -> Generator[None]:
        """Read under these bindings in the block, and trust what was read as little as before."""
        before, self._kept = self._kept, bindings
        try:
            yield
        finally:
            self._kept = before
            for state in session.identity_map.all_states():
                self.suspect(state)

    def prepare(self, state: ORMExecuteState, connection: Connection | None) -> None:
        """Before a statement: check its values if it writes, and give it the session's bindings.

        A write that refers to rows of models with scopes looks them up, with one SELECT for each
        table referred to. Raises ``ScopeUnbound`` or ``OutOfScope``.
        """
        given = state.execution_options
        bindings = self._bindings_for(given, along=state.is_relationship_load)
        if isinstance(state.statement, ExecutableDDLElement):
            _refuse_copies(state.statement, bindings)
        # The compiler refuses a write that was not looked at.
        checked = (state.is_insert or state.is_update) and self._check(state, bindings)
        options = self._options(
            state.session.get_bind(),
            state.statement,
            connection,
            bindings,
            given.get(_SCHEMAS),
            checked=checked,
        )
        state.update_execution_options(**options)

    def _bindings_for(self, options: Mapping[str, Any], *, along: bool = False) -> Bindings:
        """Those for a statement with these options; ``along`` a relation, those of its parents."""
        if options.get(UNSCOPED):
            return self.bindings.lifting_all()
        return (carried(options) if along else None) or self.bindings

    def rows_options(
        self, bind: Connection | Engine, statement: Any, connection: Connection | None
    ) -> Mapping[str, Any]:
        """The same for a SELECT that does not pass the ORM: the options to execute it with."""
        if not any_rules():
            return {}
        plain = statement.statement if isinstance(statement, Prepared) else statement
        if plain.is_dml or isinstance(plain, ExecutableDDLElement):
            raise UsageError("rows() is for SELECT", hint="execute() is for what writes")
        return self._options(bind, plain, connection, self.bindings, None)

    def _options(
        self,
        bind: Connection | Engine,
        statement: Any,
        connection: Connection | None,
        bindings: Bindings,
        schemas: Any,
        *,
        checked: bool = False,
    ) -> dict[str, Any]:
        if not bindings.complete:
            require(statement, bindings)
        if schemas is None:
            schemas = (connection or bind).get_execution_options().get(_SCHEMAS)
        return options_for(bind.dialect, bindings, schemas, checked=checked)

    def _check(self, state: ORMExecuteState, bindings: Bindings) -> bool:
        """Whether what the statement writes was looked at, and may be written."""
        statement: Any = state.statement
        if isinstance(statement, StatementLambdaElement):
            # It keeps the values of its first call in what can be looked at.
            return False
        inner = statement.element if isinstance(statement, FromStatement) else statement
        write = checked(inner, state.parameters, bindings)
        if write is None:
            return True
        if write.statement is not inner:
            if inner is not statement:
                raise UsageError(
                    "an INSERT inside of from_statement() cannot be filled by the scope",
                    hint="name the scope's column, or execute the INSERT itself",
                )
            state.statement = write.statement
        if write.parameters is not state.parameters:
            state.parameters = write.parameters
        _look_up(state.session, write.lookups)
        return True

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
    ) -> tuple[Insert, Sequence[dict[str, Any]]]:
        """Return the INSERT and the rows, of no objects, as they may be sent.

        Raise ``ScopeUnbound`` or ``OutOfScope``.
        """
        write = checked(statement, rows, self.bindings)
        if write is None:
            return statement, rows
        _look_up(session, write.lookups)
        return write.statement, write.parameters

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

        # Whatever is being read meanwhile, what was made belongs to the part of the unit.
        kept, self._kept = self._kept, None
        try:
            lookups = check_objects(new, changed, deleted, self.bindings, known, self._suspected)
            _look_up(session, lookups)
        finally:
            self._kept = kept

    def _suspected(self, state: InstanceState[Any]) -> bool:
        return state in self._suspects

    def suspect(self, state: InstanceState[Any]) -> None:
        """An object that was read elsewhere is the session's from now on."""
        if rules_of(state.mapper.local_table) is not None:
            self._suspects.add(state)

    def hides(self, mapper: Mapper[Any], options: Mapping[str, Any]) -> bool:
        """Whether what the session holds must not answer in place of the database."""
        bindings = self._bindings_for(options, along=True)
        return bool(bindings.active(rules_of(mapper.local_table)))

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

    def _rebind(self, session: Session) -> None:
        """Other values from now on: what was read under the old ones proves nothing any more.

        Relations to models with scopes are forgotten, since what they hold was read so too.
        """
        bindings = self._began
        for part in self._parts:
            bindings = bindings.over(part)
        if bindings == self._effective:
            return
        self._effective = bindings
        for state in session.identity_map.all_states():
            self.suspect(state)
            loaded = [name for name in relations_to_scoped(state.mapper) if name in state.dict]
            item = state.obj()
            if loaded and item is not None:
                session.expire(item, loaded)


def forget_unwritten(session: Session, error: BaseException) -> None:
    """Let go of what was not flushed: new objects, changes, and what was to be deleted.

    It was made under bindings that end here, and must not be written under others.
    """
    new, deleted, changed = list(session.new), list(session.deleted), list(session.dirty)
    for item in new:
        session.expunge(item)
    for item in deleted:
        session.add(item)
    for item in (*deleted, *changed):
        state: InstanceState[Any] = inspect(item)
        columns = state.mapper.column_attrs.keys()
        kept = {name: state.dict[name] for name in columns if name in state.dict}
        lost = set(state.committed_state)
        # Expired as a whole it is not taken for changed any more.
        session.expire(item)
        for name in kept.keys() - lost:
            set_committed_value(item, name, kept[name])
    if isinstance(error, GeneratorExit) and (new or deleted or changed):
        # Nobody hears of this exception.
        _log.warning(
            "a generator was left inside of scoped() or unscoped(): what it had not flushed (%s) "
            "was not written; close it with contextlib.aclosing, or flush before yield",
            ", ".join(sorted({type(item).__name__ for item in (*new, *deleted, *changed)})),
        )


def _refuse_copies(statement: Any, bindings: Bindings) -> None:
    """Refuse to define a table or a view by a SELECT, which outlives the session's bindings."""
    for table in _tables_read(statement):
        if lifted := [scope.name for scope in bindings.active(rules_of(table))]:
            raise UsageError(
                f"{type(statement).__name__} would keep rows of {rules_of(table)} where no scope "
                "holds for them",
                hint="if every row is meant, say so: async with session.unscoped("
                f"{', '.join(map(repr, lifted))})",
                model=str(rules_of(table)),
            )


def _tables_read(statement: Any) -> Iterator[Table]:
    # A recipe of the user's own has its SELECT under a name of its own.
    for value in vars(statement).values():
        if isinstance(value, Selectable) and not isinstance(value, Table):
            yield from tables_in(value)


def _look_up(session: Session, lookups: Lookups) -> None:
    for question in lookups.questions():
        found = session.execute(question.statement).all()
        question.check(found, session.get_bind().dialect)
