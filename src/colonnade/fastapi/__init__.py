"""Colonnade in a FastAPI app: its database, its units of work, its problems, its routes.

``connect`` joins an app and a database, ``provide`` gives a path operation its services,
``problems`` and ``statuses`` say what a client hears of an error, ``crud_router`` offers a model.
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
