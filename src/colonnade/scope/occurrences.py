"""In charge of where models occur in statements: tables, aliases of them, and joins of both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import Alias, ColumnClause, Join, Table, TableSample
from sqlalchemy.sql.selectable import FromGrouping
from sqlalchemy.sql.visitors import iterate

from colonnade._compat.sqlalchemy_annotations import without_annotations
from colonnade.scope.bindings import Bindings
from colonnade.scope.rules import rules_of

__all__ = ["aliases", "plain_table", "require", "table_of", "tables_in", "targets_of"]

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
                waiting += tables_in(scope.criterion(rules.model, scope.bound(rules.model, "x")))


def _tables(statement: Any) -> frozenset[Table]:
    """Those that have scopes; a statement that is asked again is looked through once."""
    found = _SEEN.get(statement)
    if found is None:
        found = _SEEN[statement] = tables_in(statement)
    return found


def tables_in(statement: Any) -> frozenset[Table]:
    """Return the tables with scopes that an element has in it."""
    found: set[Table] = set()
    for element in iterate(statement):
        table = table_of(element.table if isinstance(element, ColumnClause) else element)
        if rules_of(table) is not None:
            found.add(table)
    return frozenset(found)


def targets_of(statement: Any) -> list[Any]:
    """Return the tables that an INSERT, UPDATE or DELETE names as what it writes, without aliases.

    There are several where it names a join, as MySQL lets it.
    """
    found: list[Any] = []
    waiting = [statement.table]
    while waiting:
        element = waiting.pop()
        if isinstance(element, Join):
            waiting += [element.right, element.left]
        elif isinstance(element, FromGrouping):
            waiting.append(element.element)
        else:
            found.append(plain_table(element))
    return found


def plain_table(element: Any) -> Any:
    """Return the table that an element is or stands for, as it was declared."""
    table = table_of(element)
    # A copy that an ORM statement made does not know the columns of the original.
    return without_annotations(table) if isinstance(table, Table) else table
