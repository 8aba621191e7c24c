"""In charge of which scopes may hide an object from one that refers to it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import inspect

from colonnade.scope.declared import Scope
from colonnade.scope.rules import rules_of

__all__ = ["scopes_hiding", "scopes_of"]


def scopes_hiding(owner: type[Any], target: type[Any]) -> list[str]:
    """Return the names of the scopes by which an ``owner`` that is in scope may lose a ``target``.

    Not one by a column that the owner is in as well: what it refers to was in it when it was
    written, and is not handed on to another tenant.
    """
    own = {scope.name for scope in scopes_of(owner)}
    return [
        scope.name
        for scope in scopes_of(target)
        if not (scope.column is not None and scope.name in own)
    ]


def scopes_of(model: type[Any]) -> list[Scope]:
    """Return the scopes of a model's tables."""
    rules = (rules_of(table) for table in inspect(model).mapper.tables)
    return [scope for found in rules if found is not None for scope in found.scopes]
