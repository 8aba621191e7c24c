"""Pass events of SQLAlchemy's synchronous session on to the session that owns it.

``HookedSyncSession`` and ``WritingSyncSession`` are the synchronous halves of readers and of units
of work. Their listeners call the ``SessionHooks`` of the owner. Before anything takes a connection
(a statement, a flush, ``connection()``) they have the owner take its place in the pool.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol

from sqlalchemy import CHAR, Connection, event, inspect
from sqlalchemy.engine import Result
from sqlalchemy.orm import InstanceState, Mapper, ORMExecuteState, SessionTransaction
from sqlmodel import Session as SyncSession

from colonnade._compat.sqlalchemy_session import (
    AsksBeforeIdentityMap,
    begin_reading,
    keeping_loaded,
)
from colonnade.engine.callbacks import Callbacks
from colonnade.engine.commits import Outcome
from colonnade.errors import NotFound, SessionClosed, UsageError
from colonnade.scope import UPGRADE_HINT, has_any_scope
from colonnade.session.gate import Gate
from colonnade.session.scoping import Scoping

__all__ = [
    "OWNER_KEY",
    "HookedSyncSession",
    "SessionHooks",
    "WritingSyncSession",
    "missing_row_error",
    "one_reading",
    "owner_of",
]

#: The key in a synchronous session's ``info`` of a weak reference to its owner.
OWNER_KEY: Final = "colonnade_session"
#: The execution option with the number of a query that takes several statements, by which none
#: of them loses what another one has loaded.
_READING: Final = "colonnade_reading"


class SessionHooks(Protocol):
    """The methods of a session that ORM events are passed on to."""

    _callbacks: Callbacks
    _gate: Gate
    _outcome: Outcome
    _connection: Connection | None
    _scoping: Scoping

    def _about_to_execute(self, state: ORMExecuteState) -> None: ...

    def _take_place(self) -> None: ...

    def _leave_place(self) -> None: ...

    def _statement_ended(self) -> None: ...

    def _prepare_transaction(self, connection: Connection) -> None: ...

    def _refuse_commit(self) -> None: ...

    def _committed(self) -> None: ...


def owner_of(session: Any) -> SessionHooks:
    """Return the session that owns a synchronous ``session``.

    Raises ``SessionClosed`` if the owner was dropped and only the synchronous session was kept:
    then nothing knows which scopes hold, or where to report a COMMIT.
    """
    owner: SessionHooks | None = session.info[OWNER_KEY]()
    if owner is None:
        raise SessionClosed(
            "the session that this half belongs to is gone",
            hint="keep the session itself, and use it inside its 'async with' block",
        )
    return owner


def one_reading() -> Mapping[str, int]:
    """Return the execution options of statements that belong together, before the first runs.

    An object that several of them meet, and read anew, keeps what the earlier ones have loaded.
    """
    return {_READING: begin_reading()}


def missing_row_error(item: object, session: SyncSession) -> NotFound | None:
    """Return ``NotFound`` for an object of the session whose row no longer exists.

    None for an object that is not the session's: then SQLAlchemy's error has another cause.
    """
    state: InstanceState[Any] | None = inspect(item, raiseerr=False)
    if not isinstance(state, InstanceState) or state.session is not session or not state.persistent:
        return None
    key = state.identity or ()
    return NotFound(
        f"no {type(item).__name__} has this key any more",
        keys=(key[0] if len(key) == 1 else key,),
        model=type(item).__name__,
    )


class HookedSyncSession(AsksBeforeIdentityMap, SyncSession):
    """A synchronous session that applies scopes also where no statement shows the rows.

    These are the identity map, which returns objects without a statement, and bulk saves.
    """

    def hides_held(self, mapper: Mapper[Any], options: Mapping[str, Any]) -> bool:
        """Return whether a model has scopes in force, so that the database must be asked."""
        return has_any_scope() and owner_of(self)._scoping.must_ask_database(mapper, options)

    def get(self, entity: Any, ident: Any, **options: Any) -> Any:
        """Return the object with exactly this key, or None.

        A database with a case-insensitive collation also finds a key in other case.
        """
        self.asked = not has_any_scope()
        found = super().get(entity, ident, **options)
        # Here, and not after it, so that giving back takes no greenlet of its own.
        owner_of(self)._statement_ended()
        if found is None:
            return None
        if not self.asked:
            raise UsageError(
                "SQLAlchemy answered get() from what the session holds, without asking whether it "
                "is in scope",
                hint=UPGRADE_HINT,
            )
        return found if _has_key(found, ident) else None

    def connection(self, *args: Any, **options: Any) -> Connection:
        """Return the connection, which is taken from the pool if there is none yet."""
        owner_of(self)._take_place()
        return super().connection(*args, **options)

    def bulk_save_objects(self, objects: Iterable[object], *args: Any, **options: Any) -> None:
        """Save as SQLAlchemy does. Raise ``UsageError`` for a model that scopes concern."""
        objects = list(objects)
        for kind in dict.fromkeys(map(type, objects)):
            self._begin_bulk(kind)
        super().bulk_save_objects(objects, *args, **options)

    def bulk_insert_mappings(self, mapper: Any, *args: Any, **options: Any) -> None:
        """Insert as SQLAlchemy does. Raise ``UsageError`` for a model that scopes concern."""
        self._begin_bulk(mapper)
        super().bulk_insert_mappings(mapper, *args, **options)

    def bulk_update_mappings(self, mapper: Any, *args: Any, **options: Any) -> None:
        """Update as SQLAlchemy does. Raise ``UsageError`` for a model that scopes concern."""
        self._begin_bulk(mapper)
        super().bulk_update_mappings(mapper, *args, **options)

    def _begin_bulk(self, mapper: Any) -> None:
        owner = owner_of(self)
        if has_any_scope():
            owner._scoping.refuse_bulk(inspect(mapper).mapper)
        owner._take_place()


def _has_key(item: object, asked: Any) -> bool:
    """Return whether the key of ``item`` is exactly the one asked for, upper and lower case too."""
    state: InstanceState[Any] = inspect(item)
    key = state.mapper.primary_key
    if isinstance(asked, Mapping):
        asked = [asked.get(state.mapper.get_property_by_column(column).key) for column in key]
    given = asked if isinstance(asked, list | tuple) else [asked]
    return all(
        _equals_key(column, one, other)
        for column, one, other in zip(key, given, state.identity or (), strict=False)
    )


def _equals_key(column: Any, one: Any, other: Any) -> bool:
    if not (isinstance(one, str) and isinstance(other, str)):
        return True
    # PostgreSQL pads a CHAR with spaces to its length.
    return one.rstrip(" ") == other.rstrip(" ") if isinstance(column.type, CHAR) else one == other


class WritingSyncSession(HookedSyncSession):
    """The synchronous session of a unit of work, which also watches its transaction."""


@event.listens_for(HookedSyncSession, "do_orm_execute")
def _before_execute(state: ORMExecuteState) -> Result[Any] | None:
    owner = owner_of(state.session)
    state.session.asked = True  # type: ignore[attr-defined] # it is ours
    owner._about_to_execute(state)
    owner._take_place()  # last, so that what is refused waits for none
    own = state.local_execution_options  # the other ones are not told what was added just now
    anew = own.get("populate_existing") or state.execution_options.get("populate_existing")
    return _read_anew(state, state.execution_options.get(_READING)) if anew else None


def _read_anew(state: ORMExecuteState, since: int | None) -> Result[Any] | None:
    """Run a statement that populates anew, so that nothing is lost that its query has just loaded.

    A query loads relations with statements of their own, and an object that it meets along two
    paths would lose what was loaded for it along the first. Those statements carry the number
    that the first one was given. Returns None for the first: it is to run as it is.
    """
    if since is None:
        state.update_execution_options(**one_reading())
        return None
    with keeping_loaded(state.session, since):
        return state.invoke_statement(execution_options={"prebuffer_rows": True})


@event.listens_for(HookedSyncSession, "after_begin")
def _after_begin(
    session: SyncSession, transaction: SessionTransaction, connection: Connection
) -> None:
    owner = owner_of(session)
    if not transaction.nested:
        owner._prepare_transaction(connection)


@event.listens_for(HookedSyncSession, "after_transaction_end")
def _given_back(session: SyncSession, transaction: SessionTransaction) -> None:
    """Give the place back as soon as the connection was given back."""
    owner: SessionHooks | None = session.info[OWNER_KEY]()
    if owner is not None and transaction.parent is None:
        owner._leave_place()


@event.listens_for(WritingSyncSession, "before_flush")
def _before_flush(session: SyncSession, _context: object, _objects: object) -> None:
    owner = owner_of(session)
    owner._scoping.check_flush(session)
    owner._take_place()


@event.listens_for(HookedSyncSession, "detached_to_persistent", raw=True)
def _after_attach(session: SyncSession, state: Any) -> None:
    if has_any_scope():
        owner = owner_of(session)
        owner._scoping.mark_suspect(state)


@event.listens_for(WritingSyncSession, "before_commit")
def _before_commit(session: SyncSession) -> None:
    """Refuse COMMIT and RELEASE after an error that the caller has caught."""
    owner = owner_of(session)
    owner._refuse_commit()
    owner._outcome.ending += 1


@event.listens_for(WritingSyncSession, "after_commit")
def _after_commit(session: SyncSession) -> None:
    if not session.in_nested_transaction():
        owner_of(session)._committed()


@event.listens_for(WritingSyncSession, "after_transaction_create")
def _after_create(session: SyncSession, transaction: SessionTransaction) -> None:
    if transaction.nested:
        owner = owner_of(session)
        owner._callbacks.mark_savepoint(transaction)
        owner._gate.open_savepoint(transaction)


@event.listens_for(WritingSyncSession, "after_transaction_end")
def _after_end(session: SyncSession, transaction: SessionTransaction) -> None:
    owner: Any = session.info[OWNER_KEY]()
    if owner is None:  # it was dropped without being closed; see ``abandoned``
        return
    if transaction.nested:
        owner._gate.close_savepoint(transaction)
        owner._outcome.ending = max(0, owner._outcome.ending - 1)
    elif transaction.parent is None:
        owner._commit_forbidden_by = None
        owner._outcome.finish()


@event.listens_for(WritingSyncSession, "after_soft_rollback")
def _after_rollback(session: SyncSession, transaction: SessionTransaction) -> None:
    """Drop callbacks registered in the rolled-back savepoint, or all of them."""
    owner = owner_of(session)
    # A failed flush rolls back a subtransaction of its own first, then the savepoint around it.
    savepoint = transaction if transaction.nested else session.get_nested_transaction()
    owner._callbacks.drop_rolled_back(savepoint)
