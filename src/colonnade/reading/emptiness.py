"""Recognize queries that no row can match, whatever is stored: no statement runs for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from colonnade.database import Prepared, Session
from colonnade.scope import require
from colonnade.spec import Spec

__all__ = ["is_known_empty"]


def is_known_empty(session: Session, spec: Spec, build: Callable[[], Any]) -> bool:
    """Return whether the statement that ``build`` makes is known to find nothing.

    Returns False for a session that is closed or in use, so that the statement runs and raises its
    error. Raises ``ScopeUnbound`` as the statement would.
    """
    if not spec.finds_nothing or session.closed or session.busy:
        return False
    if not session.scope.complete:
        statement = build()
        plain = statement.statement if isinstance(statement, Prepared) else statement
        require(plain, session.scope)
    return True
