"""Use Colonnade in a FastAPI app.

``connect`` (in ``app``) gives an app its database. ``dependencies`` give path operations their
services and sessions, one unit of work for each request. ``handlers`` answer errors with problem
details, which ``problems`` builds. ``crud`` has ``crud_router``, the routes of a model; ``inputs``
checks the parameters and the body of a request, ``keys`` the keys in its path.
"""

from __future__ import annotations

from colonnade.fastapi.app import connect
from colonnade.fastapi.crud import Operation, crud_router
from colonnade.fastapi.dependencies import provide, provide_database, provide_scope, provide_session
from colonnade.fastapi.problems import FieldProblem, Problem, status_of

__all__ = [
    "FieldProblem",
    "Operation",
    "Problem",
    "connect",
    "crud_router",
    "provide",
    "provide_database",
    "provide_scope",
    "provide_session",
    "status_of",
]
