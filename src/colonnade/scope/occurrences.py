"""Find the tables with scopes that occur in a statement, behind aliases and joins too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import Alias, ColumnClause, Join, Table, TableSample
from sqlalchemy.orm import Mapper
from sqlalchemy.sql.selectable import FromGrouping, SelectBase
from sqlalchemy.sql.visitors import iterate

from colonnade._compat.sqlalchemy_annotations import without_annotations
from colonnade.caches import memoized
from colonnade.scope.bindings import Bindings
from colonnade.scope.rules import rules_of

__all__ = [
    "computed_of_scoped",
    "iterate_aliased",
    "plain_table",
    "require_scope_values",
    "table_of",
    "tables_in",
    "targets_of",
]

#: The tables with scopes of statements that were looked through before.
_SEEN: Final[WeakKeyDictionary[Any, frozenset[Table]]] = WeakKeyDictionary()


def iterate_aliased(element: Any) -> Iterator[Any]:
    """Yield the element, and what it is an alias of, down to the table."""
    yield element
    while isinstance(element, Alias | TableSample):
        element = element.element
        yield element


def table_of(element: Any) -> Any:
    """Return the table that an alias stands for, or the element itself."""
    *_, last = iterate_aliased(element)
    return last


def require_scope_values(statement: Any, bindings: Bindings) -> None:
    """Raise ``ScopeUnbound`` for a table in the statement whose scope has no value.

    The tables in the conditions of those scopes count too. The tables of eager loads, which are
    statements of their own, are not seen here; the compiler checks them when they run.
    """
    seen: set[Table] = set()
    waiting = list(_cached_tables_in(statement))
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


def _cached_tables_in(statement: Any) -> frozenset[Table]:
    """Return ``tables_in`` of a statement, remembered as long as the statement lives."""
    found = _SEEN.get(statement)
    if found is None:
        found = _SEEN[statement] = tables_in(statement)
    return found


def tables_in(statement: Any) -> frozenset[Table]:
    """Return the tables with scopes in an SQL element, at any depth."""
    found: set[Table] = set()
    for element in iterate(statement):
        table = table_of(element.table if isinstance(element, ColumnClause) else element)
        if rules_of(table) is not None:
            found.add(table)
    return frozenset(found)


@memoized
def computed_of_scoped(mapper: Mapper[Any]) -> tuple[str, ...]:
    """Return the names of a model's columns that are computed of other rows with scopes."""
    return tuple(
        prop.key
        for prop in mapper.column_attrs
        if any(isinstance(element, SelectBase) for element in iterate(prop.columns[0]))
        and tables_in(prop.columns[0])
    )


def targets_of(statement: Any) -> list[Any]:
    """Return the tables that an INSERT, UPDATE or DELETE writes to, without aliases.

    There are several if the target is a join, which MySQL allows.
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
    """Return the table that an element is or is an alias of, as it was declared."""
    table = table_of(element)
    # The annotated copy of a table in an ORM statement does not hold the original's columns.
    return without_annotations(table) if isinstance(table, Table) else table
