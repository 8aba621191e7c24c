"""Ask SQLAlchemy's session and results what they know, and have it ask us what it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy.engine import Result
from sqlalchemy.orm import InstanceState, Mapper, PassiveFlag, Session, strategies
from sqlalchemy.orm.base import DEFAULT_STATE_ATTR
from sqlalchemy.util import EMPTY_DICT

from colonnade._compat.changes import calls, demand, takes

__all__ = [
    "HALF_NAMES",
    "STATE_ATTRIBUTE",
    "AsksBeforeIdentityMap",
    "adopt_inserted",
    "flush_automatically",
    "has_changes",
    "hold_by_key",
    "is_read",
    "mark_deleted",
    "streamed_result",
]

#: Where SQLAlchemy keeps the state of an object among its attributes. ``inspect(item)`` is the
#: public way to the state; nothing public says which key of ``__dict__`` is not the user's.
STATE_ATTRIBUTE: Final = DEFAULT_STATE_ATTR

#: The names under which ``AsyncSession`` has its synchronous half; the second one is what the
#: methods that it passes on are called on. In public it is made with the session, which costs a
#: reader of rows half of its time.
HALF_NAMES: Final = ("sync_session", "_proxied")


class AsksBeforeIdentityMap(Session):
    """A session that asks ``hides_held`` before it answers with an object that it holds.

    ``get`` and loads of a related object by its key look into the identity map first, and run no
    statement that an event or a criterion could see. Tried first: ``populate_existing``, which
    reads every object anew. A release that looks there in another way would answer with rows out
    of scope: the class cannot be made then, and ``get`` refuses to answer.
    """

    #: Whether the lookup, or a statement, has asked since somebody set it to False.
    asked: bool = True

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        _check_identity_lookup()

    def hides_held(self, mapper: Mapper[Any], options: Mapping[str, Any]) -> bool:
        """Return whether the database is to answer for a model, and not what is held."""
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
    lookup = (
        *("self", "mapper", "primary_key_identity", "identity_token", "passive"),
        *("lazy_loaded_from", "execution_options", "bind_arguments"),
    )
    name = "_identity_lookup"
    demand(
        "SQLAlchemy",
        "keeps held objects in scope by",
        {
            f"Session.{name}": takes(getattr(Session, name, None), lookup),
            f"Session._get_impl (no {name})": calls(getattr(Session, "_get_impl", None), name),
            f"_LazyLoader._load_for_state (no {name})": calls(
                getattr(getattr(strategies, "_LazyLoader", None), "_load_for_state", None), name
            ),
        },
    )


def has_changes(session: Session) -> bool:
    """Return whether a flush would write anything.

    ``AsyncSession.flush`` finds it out in a greenlet, 12 µs each time, and most units flush before
    every statement of theirs. In public ``session.dirty`` compares every object that is held.
    """
    return not session._is_clean()


def flush_automatically(session: Session) -> None:
    """Flush as the session does before a query of its own, unless it is told not to.

    ``session.flush()`` refuses to run inside of a flush, and its errors do not say that it was an
    automatic one.
    """
    session._autoflush()


def adopt_inserted(session: Session, states: Sequence[InstanceState[Any]]) -> None:
    """Make the session hold these objects, whose rows it has just inserted.

    SQLAlchemy does this at the end of a flush, and has no public way to do it: objects that an ORM
    INSERT … RETURNING answers with are held like any that were read, so that a rollback would leave
    them in the session without a row. These become transient then, as those of a flush.
    """
    for state in states:
        session._save_impl(state)
    session._register_persistent(set(states))


def streamed_result(stream: Any) -> Result[Any]:
    """Return what an ``AsyncResult``, or what was made of one, reads its rows from.

    Whoever asks an ``AsyncResult`` for its scalars drops it, and holds on to this.
    """
    found: Result[Any] = stream._real_result
    return found


def is_read(result: Result[Any]) -> bool:
    """Return whether a result has given its last row, or was closed.

    In public ``closed`` is True only of one that was closed before its end.
    """
    return result._soft_closed


def mark_deleted(session: Session, states: Sequence[InstanceState[Any]]) -> None:
    """Take objects whose rows a statement has deleted out of the session, until a rollback.

    SQLAlchemy does so after its own bulk DELETE. ``expunge`` would not bring them back with the
    rows, and ``delete`` sends a statement for each.
    """
    session._remove_newly_deleted(states)


def hold_by_key(session: Session, states: Sequence[InstanceState[Any]]) -> None:
    """Make the session hold flushed objects by the key that they have now.

    SQLAlchemy does this where a flush has changed a key, and has no public way to do it. After a
    rollback they have the key again that they had before.
    """
    session._register_persistent(set(states))
