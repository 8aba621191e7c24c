"""Use the private parts of SQLAlchemy's sessions and results: identity map, flush, streams."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy.engine import Result
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import InstanceState, Mapper, PassiveFlag, Session, loading, strategies
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.base import DEFAULT_STATE_ATTR
from sqlalchemy.orm.exc import FlushError
from sqlalchemy.util import EMPTY_DICT

from colonnade._compat.changes import calls_function, demand_hooks, takes_parameters

__all__ = [
    "STATE_ATTRIBUTE",
    "SYNC_SESSION_NAMES",
    "AsksBeforeIdentityMap",
    "adopt_inserted",
    "begin_reading",
    "flush_automatically",
    "has_changes",
    "hold_by_key",
    "is_read",
    "keeping_loaded",
    "mark_deleted",
    "streamed_result",
    "tells_of_missing_rows",
]

#: The key in an object's ``__dict__`` under which SQLAlchemy keeps the object's state. The public
#: ``inspect(item)`` returns the state, but nothing public names that key.
STATE_ATTRIBUTE: Final = DEFAULT_STATE_ATTR

#: The attributes in which ``AsyncSession`` has its synchronous session; the second one is that on
#: which it calls the methods that it passes on. ``AsyncSession`` itself makes the synchronous
#: session at once, which would take half of the time of a reader that only reads rows.
SYNC_SESSION_NAMES: Final = ("sync_session", "_proxied")


class AsksBeforeIdentityMap(Session):
    """A session that calls ``hides_held`` before it returns an object from the identity map.

    ``get`` and loads of a related object by its key look into the identity map first. If they find
    the object they run no statement, so that no event and no criterion could hide it. Tried first:
    ``populate_existing``, which reads every object again. With a release of SQLAlchemy that looks
    there in another way, rows out of scope would be returned. Then this class cannot be subclassed,
    and ``get`` raises.
    """

    #: Set to True by each lookup and each statement; ``get`` sets it to False and checks it.
    asked: bool = True

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        _check_identity_lookup()

    def hides_held(self, mapper: Mapper[Any], options: Mapping[str, Any]) -> bool:
        """Return whether objects of a model must come from the database, not the identity map."""
        raise NotImplementedError

    def _identity_lookup(
        self,
        mapper: Mapper[Any],
        primary_key_identity: Any,
        identity_token: Any = None,
        passive: PassiveFlag = PassiveFlag.PASSIVE_OFF,
        lazy_loaded_from: InstanceState[Any] | None = None,
        execution_options: Mapping[str, Any] = EMPTY_DICT,
        bind_arguments: Any = None,
    ) -> Any:
        self.asked = True
        if passive & PassiveFlag.SQL_OK and self.hides_held(mapper, execution_options):
            return None
        return super()._identity_lookup(
            mapper,
            primary_key_identity,
            identity_token,
            passive,
            lazy_loaded_from,
            execution_options,
            bind_arguments,
        )


def _check_identity_lookup() -> None:
    """Raise ``RuntimeError`` if SQLAlchemy does not look up held objects as is assumed here."""
    lookup = (
        *("self", "mapper", "primary_key_identity", "identity_token", "passive"),
        *("lazy_loaded_from", "execution_options", "bind_arguments"),
    )
    name = "_identity_lookup"
    demand_hooks(
        "SQLAlchemy",
        "keeps held objects in scope by",
        {
            f"Session.{name}": takes_parameters(getattr(Session, name, None), lookup),
            f"Session._get_impl (no {name})": calls_function(
                getattr(Session, "_get_impl", None), name
            ),
            f"_LazyLoader._load_for_state (no {name})": calls_function(
                getattr(getattr(strategies, "_LazyLoader", None), "_load_for_state", None), name
            ),
        },
    )


def has_changes(session: Session) -> bool:
    """Return whether a flush would write anything.

    ``AsyncSession.flush`` finds that out in a greenlet, which takes 12 µs, and most units flush
    before each of their statements. The public ``session.dirty`` looks at every held object.
    """
    return not session._is_clean()


def flush_automatically(session: Session) -> None:
    """Flush as the session does before its own queries, unless in a ``no_autoflush`` block.

    ``session.flush()`` refuses to run inside of a flush, and its errors do not say that it was an
    automatic one.
    """
    session._autoflush()


def adopt_inserted(session: Session, states: Sequence[InstanceState[Any]]) -> None:
    """Make the session hold these objects, whose rows it has just inserted.

    SQLAlchemy does this at the end of a flush, and has no public way to it. The objects of an ORM
    INSERT … RETURNING are held like objects that were read: after a rollback they would still be in
    the session, without a row. These objects become transient then, as after a flush.
    """
    for state in states:
        session._save_impl(state)
    session._register_persistent(set(states))


def streamed_result(stream: Any) -> Result[Any]:
    """Return the synchronous result from which an ``AsyncResult``, or its scalars, read rows.

    Code that calls ``scalars()`` drops the ``AsyncResult`` itself, but this result stays.
    """
    found: Result[Any] = stream._real_result
    return found


def is_read(result: Result[Any]) -> bool:
    """Return whether a result has returned its last row, or was closed.

    The public ``closed`` is True only for a result that was closed before its end.
    """
    return result._soft_closed


def tells_of_missing_rows(error: BaseException) -> bool:
    """Return whether SQLAlchemy says that an INSERT has returned fewer rows than were sent.

    A trigger has left them out then. In public it is a ``FlushError`` or ``InvalidRequestError``
    like any other, which only its words tell apart.
    """
    return isinstance(error, FlushError | InvalidRequestError) and "did not produce" in str(error)


def mark_deleted(session: Session, states: Sequence[InstanceState[Any]]) -> None:
    """Remove objects whose rows a statement has deleted from the session, until a rollback.

    SQLAlchemy does so after its own bulk DELETE. After ``expunge`` a rollback would bring back the
    rows and not the objects, and ``delete`` sends a statement for each object.
    """
    session._remove_newly_deleted(states)


def hold_by_key(session: Session, states: Sequence[InstanceState[Any]]) -> None:
    """Make the session hold flushed objects by their present keys.

    SQLAlchemy does this when a flush has changed a key, and has no public way to it. A rollback
    gives them back the keys that they had before.
    """
    session._register_persistent(set(states))


def begin_reading() -> int:
    """Return a number below those of all statements that are going to load objects.

    SQLAlchemy numbers them, and notes on each object which one has populated it last.
    """
    number: int = loading._new_runid()
    return number


@contextmanager
def keeping_loaded(session: Session, since: int) -> Generator[None]:
    """Keep what statements after this number have loaded, while the next one populates anew.

    Populating an object anew takes away what the statement does not load: relations that were
    loaded for it a moment ago, by another statement of the same query, which met it along another
    path. They are noted when a row for it comes, and given back at the end.
    """
    held: Any = session.identity_map
    states = held._dict
    now = begin_reading()
    loaded: dict[Any, tuple[Any, dict[str, Any]]] = {}

    def look_up(key: Any, default: Any = None) -> Any:
        state: Any = states.get(key)
        if state is None or (item := state.obj()) is None:
            return default
        if since < (state.runid or 0) < now and state not in loaded:
            loaded[state] = item, {**state.dict}
        return item

    own = vars(held)
    outer = own.get("get")
    own["get"] = look_up
    try:
        yield
    finally:
        if outer is None:
            del own["get"]
        else:
            own["get"] = outer
    for state, (item, values) in loaded.items():
        for name in values.keys() - state.dict.keys():
            set_committed_value(item, name, values[name])
