"""In charge of where models occur in statements: tables, aliases of them, and joins of both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import Alias, ColumnClause, Table, TableSample, bindparam
from sqlalchemy.sql.visitors import iterate

from colonnade.scope.bindings import Bindings
from colonnade.scope.rules import rules_of

__all__ = ["aliases", "require", "table_of"]

_SEEN: Final[WeakKeyDictionary[Any, frozenset[Table]]] = WeakKeyDictionary()


def aliases(element: Any) -> Iterator[Any]:
    """The element, and what it is an alias of, down to the table."""
    yield element
    while isinstance(element, Alias | TableSample):
        element = element.element
        yield element


def table_of(element: Any) -> Any:
    """The table that an alias stands for, or the element itself."""
    *_, last = aliases(element)
    return last


def require(statement: Any, bindings: Bindings) -> None:
    """Raise ``ScopeUnbound`` for a table in the statement whose scope has no value.

    What a scope's own condition leads to counts too. What is loaded beside the statement, as its
    options say, is not seen here: the compiler's values are.
    """
    seen: set[Table] = set()
    waiting = list(_tables(statement))
    while waiting:
        table = waiting.pop()
        rules = rules_of(table)
        if table in seen or rules is None:
            continue
        seen.add(table)
        bindings.require(rules)
        for scope in bindings.active(rules):
            if scope.where is not None:
                waiting += _found(scope.criterion(rules.model, bindparam(scope.name)))


def _tables(statement: Any) -> frozenset[Table]:
    """Those that have scopes; a statement that is asked again is looked through once."""
    found = _SEEN.get(statement)
    if found is None:
        found = _SEEN[statement] = _found(statement)
    return found


def _found(statement: Any) -> frozenset[Table]:
    found: set[Table] = set()
    for element in iterate(statement):
        table = table_of(element.table if isinstance(element, ColumnClause) else element)
        if rules_of(table) is not None:
            found.add(table)
    return frozenset(found)
