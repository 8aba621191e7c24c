"""Ask SQLAlchemy's session and results what they know, and hand the session inserted objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.engine import Result
from sqlalchemy.orm import InstanceState, Session

__all__ = ["adopt_inserted", "has_changes", "is_read", "streamed_result"]


def has_changes(session: Session) -> bool:
    """Return whether a flush would write anything.

    ``AsyncSession.flush`` finds it out in a greenlet, 12 µs each time, and most units flush before
    every statement of theirs. In public ``session.dirty`` compares every object that is held.
    """
    return not session._is_clean()


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
