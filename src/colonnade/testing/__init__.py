"""Test against real databases: temporary servers, a rolled-back session, a statement counter.

``plugin`` is the pytest plugin, ``servers`` finds and starts database servers, ``proxy`` breaks
connections to one, ``rollback`` undoes what a test wrote, ``statements`` counts what it ran.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from colonnade.testing.proxy import Proxy, commits, sends
    from colonnade.testing.rollback import rolled_back
    from colonnade.testing.servers import (
        Server,
        ServerNotFound,
        TemporaryMariaDB,
        TemporaryPostgreSQL,
    )
    from colonnade.testing.statements import Statements, count_statements

__all__ = [
    "Proxy",
    "Server",
    "ServerNotFound",
    "Statements",
    "TemporaryMariaDB",
    "TemporaryPostgreSQL",
    "commits",
    "count_statements",
    "rolled_back",
    "sends",
]

_HOMES = {
    "Proxy": "proxy",
    "Server": "servers",
    "ServerNotFound": "servers",
    "Statements": "statements",
    "TemporaryMariaDB": "servers",
    "TemporaryPostgreSQL": "servers",
    "commits": "proxy",
    "count_statements": "statements",
    "rolled_back": "rollback",
    "sends": "proxy",
}


def __getattr__(name: str) -> Any:
    # pytest loads the plugin, and with it this package, in every project: nothing may be imported
    # before a test asks for it.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
