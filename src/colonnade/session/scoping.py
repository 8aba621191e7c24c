"""Hold a session to its scopes: in statements that it runs, and objects that it flushes or keeps.

``Scoping`` has the values for scopes (bindings) that are in force. Before each statement it turns
them into execution options, from which the compiler adds the scopes' conditions. Before each write
it checks the values. An object that was read under other bindings may be outside of the scopes, so
it is a suspect: the database is asked again before it counts as known.
"""

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

from colonnade.engine import PreparedSelect
from colonnade.errors import UsageError
from colonnade.scope import (
    UNSCOPED,
    Bindings,
    Lookups,
    ScopePart,
    bindings_in,
    check_objects,
    check_write,
    computed_of_scoped,
    has_any_scope,
    options_for,
    relations_to_scoped,
    require_scope_values,
    rules_of,
    scoped_references_of,
    tables_in,
)

__all__ = ["Scoping", "forget_unwritten"]

_SCHEMA_MAP: Final = "schema_translate_map"

_log: Final = logging.getLogger("colonnade")


class Scoping:
    """The bindings of one session, and what its hooks call to hold it to them."""

    __slots__ = ("_began", "_effective", "_kept", "_parts", "_suspects")

    def __init__(self, bindings: Bindings) -> None:
        self._began = bindings
        #: The ``scoped()`` and ``unscoped()`` blocks that are open; they may end in any order.
        self._parts: list[ScopePart] = []
        self._effective = bindings
        #: The bindings under which a stream began, while it reads its next rows.
        self._kept: Bindings | None = None
        #: Objects that came from another session, or were read under other bindings.
        self._suspects: WeakSet[InstanceState[Any]] = WeakSet()

    @property
    def bindings(self) -> Bindings:
        """The bindings in force."""
        return self._effective if self._kept is None else self._kept

    def enter_part(self, session: Session, part: ScopePart) -> None:
        """Enter a block with bindings of its own."""
        self._parts.append(part)
        self._rebind(session)

    def leave_part(self, session: Session, part: ScopePart) -> None:
        """Leave a block; the bindings are then those of the blocks that are still open."""
        self._parts.remove(part)
        self._rebind(session)

    @contextmanager
    def reading_under(self, session: Session, bindings: Bindings) -> Generator[None]:
        """Read under ``bindings`` in this block; every object held is a suspect after it."""
        before, self._kept = self._kept, bindings
        try:
            yield
        finally:
            self._kept = before
            for state in session.identity_map.all_states():
                self.mark_suspect(state)

    def prepare_statement(self, state: ORMExecuteState, connection: Connection | None) -> None:
        """Give a statement the session's bindings before it runs; check its values if it writes.

        Runs one SELECT for each table with scopes whose rows the written values refer to. Raises
        ``ScopeUnbound`` or ``OutOfScope``.
        """
        given = state.execution_options
        bindings = self._bindings_for(given, along=state.is_relationship_load)
        if isinstance(state.statement, ExecutableDDLElement):
            _refuse_lasting_copies(state.statement, bindings)
        # Under bindings the compiler refuses a write that is not marked as checked.
        checked = (state.is_insert or state.is_update) and self._check_write(state, bindings)
        options = self._build_options(
            state.session.get_bind(),
            state.statement,
            connection,
            bindings,
            given.get(_SCHEMA_MAP),
            checked=checked,
        )
        state.update_execution_options(**options)

    def _bindings_for(self, options: Mapping[str, Any], *, along: bool = False) -> Bindings:
        """Return the bindings for a statement with these options.

        With ``along`` it loads a relation, and has the bindings under which the parents were read.
        """
        if options.get(UNSCOPED):
            return self.bindings.lifting_all()
        return (bindings_in(options) if along else None) or self.bindings

    def rows_options(
        self, bind: Connection | Engine, statement: Any, connection: Connection | None
    ) -> Mapping[str, Any]:
        """Return the execution options for a SELECT that runs without the ORM.

        Raises ``ScopeUnbound``, and ``UsageError`` for a statement that writes.
        """
        if not has_any_scope():
            return {}
        plain = statement.statement if isinstance(statement, PreparedSelect) else statement
        if plain.is_dml or isinstance(plain, ExecutableDDLElement):
            raise UsageError("rows() is for SELECT", hint="execute() is for what writes")
        return self._build_options(bind, plain, connection, self.bindings, None)

    def _build_options(
        self,
        bind: Connection | Engine,
        statement: Any,
        connection: Connection | None,
        bindings: Bindings,
        schemas: Any,
        *,
        checked: bool = False,
    ) -> dict[str, Any]:
        """Return the execution options for ``bindings``; raise ``ScopeUnbound``."""
        if not bindings.complete:
            require_scope_values(statement, bindings)
        if schemas is None:
            schemas = (connection or bind).get_execution_options().get(_SCHEMA_MAP)
        return options_for(bind.dialect, bindings, schemas, checked=checked)

    def _check_write(self, state: ORMExecuteState, bindings: Bindings) -> bool:
        """Check what an INSERT or UPDATE writes, and fill in the scopes' columns.

        Returns False if the values cannot be seen. Raises ``ScopeUnbound`` or ``OutOfScope``.
        """
        statement: Any = state.statement
        if isinstance(statement, StatementLambdaElement):
            # Its elements hold the values of its first call, not those of this one.
            return False
        inner = statement.element if isinstance(statement, FromStatement) else statement
        write = check_write(inner, state.parameters, bindings)
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
        _run_lookups(state.session, write.lookups)
        return True

    def check_flush(self, session: Session) -> None:
        """Fill and check the objects that a flush is about to write.

        Raises ``ScopeUnbound`` or ``OutOfScope``.
        """
        if not has_any_scope():
            return
        deleted = [inspect(item) for item in session.deleted]
        changed = [inspect(item) for item in session.dirty]
        new = [inspect(item) for item in session.new]
        self._check_objects(session, new, changed, deleted)
        self._suspects.difference_update({*changed, *deleted})

    def check_inserted_objects(
        self, session: Session, mapper: Mapper[Any], states: Sequence[InstanceState[Any]]
    ) -> None:
        """Fill and check new objects of one class whose rows are inserted without a flush.

        Raises ``ScopeUnbound`` or ``OutOfScope``.
        """
        table = mapper.local_table
        if rules_of(table) is not None or scoped_references_of(table, self.bindings):
            self._check_objects(session, states, (), ())

    def check_inserted_rows(
        self, session: Session, statement: Insert, rows: Sequence[dict[str, Any]]
    ) -> tuple[Insert, Sequence[dict[str, Any]]]:
        """Fill and check rows that are inserted without objects; return the INSERT and the rows.

        Raises ``ScopeUnbound`` or ``OutOfScope``.
        """
        write = check_write(statement, rows, self.bindings)
        if write is None:
            return statement, rows
        _run_lookups(session, write.lookups)
        return write.statement, write.parameters

    def _check_objects(
        self,
        session: Session,
        new: Sequence[InstanceState[Any]],
        changed: Sequence[InstanceState[Any]],
        deleted: Sequence[InstanceState[Any]],
    ) -> None:
        """Check the states of objects, with one SELECT for each table that has to be asked."""

        def known(mapper: Mapper[Any], key: tuple[Any, ...]) -> bool:
            held = session.identity_map.get(mapper.identity_key_from_primary_key(key))
            return held is not None and inspect(held) not in self._suspects

        # A stream may be reading under its own bindings; objects are written under the block's.
        kept, self._kept = self._kept, None
        try:
            lookups = check_objects(new, changed, deleted, self.bindings, known, self._is_suspect)
            _run_lookups(session, lookups)
        finally:
            self._kept = kept

    def _is_suspect(self, state: InstanceState[Any]) -> bool:
        return state in self._suspects

    def mark_suspect(self, state: InstanceState[Any]) -> None:
        """Mark an object that the session did not read under the bindings in force."""
        if rules_of(state.mapper.local_table) is not None:
            self._suspects.add(state)

    def must_ask_database(self, mapper: Mapper[Any], options: Mapping[str, Any]) -> bool:
        """Return whether the database must be asked for objects that the session holds already.

        That is so for a model with scopes in force: a row may have left them since it was read.
        """
        bindings = self._bindings_for(options, along=True)
        return bool(bindings.active(rules_of(mapper.local_table)))

    def refuse_bulk(self, mapper: Mapper[Any]) -> None:
        """Raise ``UsageError`` for a bulk save of a model with scopes: no event shows its rows."""
        table = mapper.local_table
        if self.bindings.active(rules_of(table)) or scoped_references_of(table, self.bindings):
            raise UsageError(
                "bulk_save_objects() and its like would pass by the scopes of "
                f"{mapper.class_.__name__}",
                hint="session.execute(insert(Model), rows), or add_all()",
                model=mapper.class_.__name__,
            )

    def _rebind(self, session: Session) -> None:
        """Compute the bindings in force anew; if they changed, every object held is a suspect.

        Relations to models with scopes, and columns that are computed of their rows, are expired,
        since they were read under the old bindings.
        """
        bindings = self._began
        for part in self._parts:
            bindings = bindings.over(part)
        if bindings == self._effective:
            return
        self._effective = bindings
        for state in session.identity_map.all_states():
            self.mark_suspect(state)
            mapper = state.mapper
            others = (*relations_to_scoped(mapper), *computed_of_scoped(mapper))
            loaded = [name for name in others if name in state.dict]
            item = state.obj()
            if loaded and item is not None:
                session.expire(item, loaded)


def forget_unwritten(session: Session, error: BaseException) -> None:
    """Drop what was not flushed: new objects, changes and deletions.

    They were made under bindings that end here, and must not be written under others.
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
        # A flush takes an object that is wholly expired for unchanged. Columns that had not changed
        # are then set again, so that they can still be read.
        session.expire(item)
        for name in kept.keys() - lost:
            set_committed_value(item, name, kept[name])
    if isinstance(error, GeneratorExit) and (new or deleted or changed):
        # Python swallows this exception, so the loss would go unnoticed.
        _log.warning(
            "a generator was left inside of scoped() or unscoped(): what it had not flushed (%s) "
            "was not written; close it with contextlib.aclosing, or flush before yield",
            ", ".join(sorted({type(item).__name__ for item in (*new, *deleted, *changed)})),
        )


def _refuse_lasting_copies(statement: Any, bindings: Bindings) -> None:
    """Raise ``UsageError`` for a table or view defined by a SELECT of models with scopes in force.

    It would outlive the session's bindings, and show their rows to everybody.
    """
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
    """Yield the tables in the SELECT of a DDL statement."""
    # A DDL element written by a user may keep its SELECT in an attribute of any name.
    for value in vars(statement).values():
        if isinstance(value, Selectable) and not isinstance(value, Table):
            yield from tables_in(value)


def _run_lookups(session: Session, lookups: Lookups) -> None:
    """Run the SELECTs that ask whether referenced rows are in scope; raise ``OutOfScope``."""
    for question in lookups.questions():
        found = session.execute(question.statement).all()
        question.check(found, session.get_bind().dialect)
